"""What all pages and terminals share when they show a stranger's text: characters that steer are made visible, values escaped.

`html` renders templates (it imports jinja2, so it is imported where a page is written), `svg` draws, `visible_text` is for
terminals too. `page.html.j2` is the frame of every page with its content policy, `style.css` its looks.
"""
