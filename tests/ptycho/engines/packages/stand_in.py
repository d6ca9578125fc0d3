"""Adapters of packages that do not exist: one that knows the answer, and some that fail in known ways."""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from harness.ptycho.engines.packages.settings import EngineSettings


class Honest(EngineSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    rate: float = 0.5

    def predict(self, data):
        return data.predict()

    def reconstruct(self, start, epochs):
        sys.stdout.write("a library prints this\n")
        for _ in epochs:
            pass
        rows = np.arange(start.object.shape[0])[:, None]
        return (start.object * np.exp(1j * np.sin(rows / 5))).astype(np.complex64), start.probe * 1.5


class Transposed(Honest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    def predict(self, data):
        return data.predict().transpose(0, 2, 1)

    def reconstruct(self, *_):
        raise AssertionError("nothing may be reconstructed")


class Crashing(Honest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    def reconstruct(self, *_):
        sys.stderr.write("before the crash\n")
        raise ZeroDivisionError("in the package")


class Killed(Honest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    def reconstruct(self, *_):
        os.kill(os.getpid(), 9)


class Endless(Honest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    def reconstruct(self, *_):
        time.sleep(600)


class Silent(Honest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    def reconstruct(self, *_):
        os._exit(0)


class Flat(Honest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    def reconstruct(self, start, epochs):
        list(epochs)
        return start.object * np.complex64(1.2), start.probe * np.complex64(1.2 + 0.1j)


class Diverged(Honest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    def reconstruct(self, start, epochs):
        list(epochs)
        return start.object * np.complex64(np.nan), start.probe
