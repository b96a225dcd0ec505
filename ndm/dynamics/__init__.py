"""Metrics learned from motion: free motion and mechanical systems, fitted and compared with truth.

| module | what |
|---|---|
| `systems` | exact systems: pendulums, arms, particles on surfaces, test surfaces |
| `motion` | models: a metric (and potential), a free connection, a plain network |
| `least_squares` | Levenberg-Marquardt with several starts |
"""
