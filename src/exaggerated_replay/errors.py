"""The one kind of error that is the user's to mend."""


class UserError(Exception):
    """Something the user can mend: one sentence that names the key or file and says what to do.

    The command line prints it without a traceback and exits with status 2.
    """
