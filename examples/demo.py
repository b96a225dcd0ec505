"""The demonstration behind `make demo`: from exact curvature to curvature that is learned.

Everything is done live. geomkit derives the curvature of Kerr from its matrix, compiles and
certifies it, sends a beam of light past the hole, and verifies the claim files of this folder, one
of which, a mistake found in print, has to be refuted. Then ndm learns a double pendulum by watching
it, and trains a small classifier. Each step can be run alone.

python examples/demo.py [FOLDER]        (by default build/demo)
"""

from __future__ import annotations

import sys

from demo_claims import verify_claims
from demo_classifier import train_classifier
from demo_kerr import certify_kerr, derive_kerr
from demo_light import follow_light
from demo_motion import learn_pendulum
from demo_step import run

STEPS = (
    derive_kerr,
    certify_kerr,
    follow_light,
    verify_claims,
    learn_pendulum,
    train_classifier,
)

if __name__ == "__main__":
    sys.exit(run(*STEPS))
