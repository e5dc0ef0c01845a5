"""How the book is made: from a project's chapters to a website and a PDF.

The modules follow a chapter on its way: ``project`` reads ``_quarto.yml``, ``contract`` says what
may stand in it and in a chapter, ``chapter`` reads a ``.qmd`` file, ``notebook`` makes a notebook of
it, ``execute`` runs that, ``document`` hands the results to Pandoc and its Lua filters, ``site`` and
``paper`` make the website and the PDF, and ``build`` puts all of it in place.
"""
