"""Commands for whoever operates Pottle: `quart --app main user create …`. They may run beside a live server."""
