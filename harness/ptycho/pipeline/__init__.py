"""Two reconstruction pipelines, each stage in a process of its own, and known bugs to put into them."""
