"""The look of a report: system fonts, light and dark, readable on paper."""

from __future__ import annotations

CSS = """
:root { color-scheme: light dark; --text: #1a1a1a; --quiet: #5c5c5c; --back: #ffffff; --panel: #f5f6f8;
  --line: #d9dce1; --accent: #0063a0; --hue: 0, 114, 178; --on: #ffffff; --warn: #fff4d6; --warn-line: #e0a800; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --quiet: #a9adb3; --back: #15181c; --panel: #1e2329;
  --line: #363d46; --accent: #6cb8ee; --hue: 86, 180, 233; --on: #0b0e11; --warn: #3a3116; --warn-line: #b58a1b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-top: .5rem; border-top: 1px solid var(--line); }
p { margin: .4rem 0 .8rem; } .lead { font-size: 1.1rem; } .quiet { color: var(--quiet); font-size: .9rem; }
.note { background: var(--warn); border-left: 4px solid var(--warn-line); padding: .5rem .8rem; border-radius: 4px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; border-bottom-width: 2px; }
td.n, th.n { text-align: right; white-space: nowrap; } td.strong { font-weight: 600; }
.facts th { font-weight: 500; color: var(--quiet); width: 12rem; } .facts td { overflow-wrap: anywhere; }
.confusion { border-collapse: separate; border-spacing: 2px; }
.confusion td, .confusion th { border: 0; padding: .25rem .5rem; text-align: center; min-width: 2.4rem; }
.confusion tbody th { text-align: right; } .confusion td { border-radius: 4px; }
.confusion td.deep { color: var(--on); font-weight: 600; }
.confusion td.zero { color: var(--quiet); opacity: .55; }
figure { margin: .5rem 0 1rem; } figure img { max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
.row { display: flex; flex-wrap: wrap; gap: 0 1.2rem; } .row > div { flex: 1 1 17rem; max-width: 30rem; }
.row p { font-weight: 600; margin: .2rem 0 0; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem;
  overflow-x: auto; font: .88rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre.wrap { white-space: pre-wrap; }
@media print { :root { --text: #000; --quiet: #444; --back: #fff; --panel: #fff; --line: #bbb; --hue: 0, 114, 178;
  --on: #fff; --warn: #fff; } html, body { font-size: 12px; } main { max-width: none; padding: 0; }
  pre { white-space: pre-wrap; }
  h2 { break-after: avoid; } figure, table, pre { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
