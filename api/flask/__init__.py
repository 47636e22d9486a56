"""`/flask`: the API of the Flask back ends that class sites were written for, so that their pages go on."""
