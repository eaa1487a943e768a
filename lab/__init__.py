"""Kernels, guest image and guests: everything real about immapscope runs in here."""
