"""Sheets as files hold them: tables of name and number, JSON, arrays of NumPy. Each gives a `GivenSheet`."""
