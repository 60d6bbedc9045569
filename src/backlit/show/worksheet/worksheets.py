from backlit.check.worksheets.sheets import Worksheet
class Worksheets(tuple):
    def __new__(cls, sheets, title=""): return super().__new__(cls, sheets)
