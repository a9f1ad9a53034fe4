"""What has to be there around the functions: the commands ``setup``, ``teardown`` and ``doctor``."""
