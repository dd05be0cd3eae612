"""Bugs to be planted in a node, one a module, and the loader that plants them.

A plant names one function of the product and gives its replacement. The product itself
holds no bug code. A plant whose target is gone fails at once, so that refactoring cannot
lose it quietly; one that is never reached makes its run unknown.
"""
