"""Tables and texts on paper and in sheets: what every part that prints or exports is built on.

table    columns and rows      csv_out  formulas defused      xlsx_out  text stays text
fonts    every character has its glyph      paper  a PDF's page: text that is shaped, wrapped, and set in its order
"""
