"""Files of models: safetensors for the numbers, JSON for the architecture, nothing that can be executed."""

from __future__ import annotations

from forwardnet.interop.model_file import LoadedModel, load, load_extra, load_model, save

__all__ = ["LoadedModel", "load", "load_extra", "load_model", "save"]
