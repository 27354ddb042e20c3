"""The mathematics of backpropagation, one idea per file.

Nothing here knows scikit-learn, and nothing here checks its input: the estimators
validate what they are given, and the engine trusts it.

Reading order: ``activations``, ``losses``, ``initializers``, ``schedules``, ``solvers``,
``sampling``, ``network`` and finally ``training``, where an epoch and the loop around it
are written down. ``kernel`` repeats one function of ``training``, and one of
``hashing``, at the speed of C.
"""
