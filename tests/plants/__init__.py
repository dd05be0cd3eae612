"""Bugs to be planted in a node, one a module, and the loader that plants them.

A plant names functions of the product, mostly one, and gives their replacements in
`BUGS`: "module:Name.attribute" to a callable that takes the original. The product itself
holds no bug code. A plant whose target is gone fails at once, so that refactoring cannot
lose it quietly; one that is never reached makes its run unknown.
"""
