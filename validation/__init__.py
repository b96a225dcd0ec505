"""Claims about the whole, each with a statement, a reference, a tolerance and seeds.

`python -m validation --quick` checks those that have to hold and looks at the questions;
`python -m validation --full` answers the questions too, in hours. Both write one HTML page and one
JSON file, and a run that is cut off goes on where it was.
"""
