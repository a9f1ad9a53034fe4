"""What else goes to the cloud: policies, the plugin of `s deploy`, the template for `s init`."""
