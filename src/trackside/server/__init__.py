"""HTTP only: parse a request, call one core function, render the answer."""
