"""How often the guard cries wolf, and which slow leaks it finds: watches of three days, simulated.

`python -m benchmarks.guard --help`. The services are those of `benchmarks.detection`; what is different about
them is in `families`.
"""
