"""The parts of `sweep.py`: what is swept, on which servers, and the process that sweeps."""
