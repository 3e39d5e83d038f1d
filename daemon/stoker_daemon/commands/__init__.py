"""What people can ask for, each as a check and the events it comes to.

A command is first prepared outside the engine, where it may read and store objects; what it returns is
checked and carried out in a turn, against the state as it is then. It gives the number that it came to: the
run's, or the version's.
"""
