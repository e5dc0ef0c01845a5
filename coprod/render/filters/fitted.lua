-- Typst sets each cell of a table four times to find how wide its column and how tall its row is. Where every
-- cell surely stands on one line, both are said instead, as nearly as Typst would find them.

local M = {}

-- How wide letters of a table's type are at most, regular and bold, in thousandths of its size.
M.classes = {
  { 300, 380, "'ijlIJ" },
  { 340, 400, " \u{a0},.‘’/\\|:;" },
  { 420, 500, "f-()[]t!r²" },
  { 535, 600, '"_`–*sz?' },
  { 580, 690, "cLFk" },
  { 640, 735, "“”xvyPTYoaeEhnubdgpqS$0123456789{}" },
  { 700, 780, "KAVZXBRC" },
  { 790, 880, "UNHDG&OQ" },
  { 840, 930, "w#+<=>^~×−" },
  { 1000, 1110, "M%mW@" },
}

local WIDTHS = {}
for _, class in ipairs(M.classes) do
  for _, code in utf8.codes(class[3]) do WIDTHS[code] = { class[1], class[2] } end
end

local PLAIN = { Str = true, Space = true, Link = true, Span = true }

-- The width that a text needs at most, or nil if that is not known.
local function width(contents, bold)
  local plain, sum = true, 0
  contents:walk {
    Inline = function(inline) plain = plain and PLAIN[inline.t] end,
    Block = function(block) plain = plain and (block.t == "Plain" or block.t == "Para") end,
  }
  if not plain or #contents > 1 then return end
  for _, code in utf8.codes(pandoc.utils.stringify(contents)) do
    if not WIDTHS[code] then return end
    sum = sum + WIDTHS[code][bold and 2 or 1]
  end
  return sum
end

-- The widths of a table's columns without what stands around a cell, in thousandths of the size of its type;
-- nil where some cell might need two lines. `most` is the room that there is, `around` what each cell takes more.
function M.columns(tbl, most, around)
  local columns, spanning = {}, {}
  for index = 1, #tbl.colspecs do columns[index] = 0 end

  local function fit(rows, bold)
    local taken = {}
    for at, row in ipairs(rows) do
      local column = 1
      for _, cell in ipairs(row.cells) do
        while (taken[column] or 0) >= at do column = column + 1 end
        local needed = width(cell.contents, bold or cell.col_span == #columns)
        if not needed then return false end
        if cell.col_span > 1 then
          table.insert(spanning, { needed, column, cell.col_span })
        else
          columns[column] = math.max(columns[column], needed)
        end
        for index = column, column + cell.col_span - 1 do taken[index] = at + cell.row_span - 1 end
        column = column + cell.col_span
      end
    end
    return true
  end

  if not fit(tbl.head.rows, true) then return end
  for _, body in ipairs(tbl.bodies) do
    if not (fit(body.head, true) and fit(body.body, false)) then return end
  end
  -- What stands over several columns makes the last of them wider.
  for _, each in ipairs(spanning) do
    local needed, first, span = table.unpack(each)
    local last, sum = first + span - 1, (span - 1) * around
    for index = first, last do sum = sum + columns[index] end
    columns[last] = columns[last] + math.max(0, needed - sum)
  end
  local all = #columns * around
  for _, each in ipairs(columns) do all = all + each end
  if all <= most then return columns end
end

return M
