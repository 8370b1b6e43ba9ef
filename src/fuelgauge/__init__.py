"""Measure how much data a model needs.

Learning curves of classical and deep models over growing samples of real data, paired and timed,
and a verdict with statistics on the claim that deep learning needs more of it.
"""

__version__ = "0.1.0"
