"""Those that Pottle is measured beside, each as well as its own documentation would have it."""
