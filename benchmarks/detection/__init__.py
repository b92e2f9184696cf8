"""How well the judge finds bad revisions and leaves good ones alone, beside other rules on the same traces.

`python -m benchmarks.detection --help`. The families of simulated rollouts are described in `families`,
every parameter in `world`. What draws them (`simulate` and what it imports) knows nothing of how the judge
works: of the toolkit it imports only what a trace is made of.
"""
