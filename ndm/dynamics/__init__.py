"""Metrics learned from motion: free motion and mechanical systems, fitted and compared with truth.

| module | what |
|---|---|
| `systems` | exact systems: pendulums, arms, particles on surfaces, test surfaces |
| `scramble` | random smooth flows that hide simple coordinates |
| `samples` | measured motion: arrays and files, derivatives of noisy positions |
| `motion` | models: a metric (and potential), a free connection, a plain network |
| `stepping` | many motions at once, exact or learned |
| `rollout` | the motion of a model, and its derivatives |
| `residuals` | what a fit makes small: accelerations, trajectories, gauge, curvature priors |
| `least_squares`, `steps` | Levenberg-Marquardt with several starts, and one step of it |
| `report` | errors of metric, curvature and predictions against the truth |
| `command` | `ndm fit-motion` |
| `killing`, `identifiability`, `jacobi` | symmetries, what data can say, Jacobi's metric |
| `baselines`, `lagrangian` | rivals |
"""
