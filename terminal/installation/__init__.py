"""What has to be there around the function: the commands ``setup``, ``teardown`` and ``doctor``."""
