"""The template from which `s init` starts a project, and what builds its package."""
