from hypothesis import settings

# The machines that run these are shared: time says nothing about the code.
settings.register_profile("shared", deadline=None, derandomize=True)
settings.load_profile("shared")
