"""The pages of ``serve``: everything that the local cloud holds, and the page of each of its videos."""
