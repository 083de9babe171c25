"""Files of models: safetensors for the numbers, JSON for the architecture, nothing that can be executed."""

from __future__ import annotations
