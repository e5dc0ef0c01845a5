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

-- The width that a text of Typst needs at most, or nil where that is not known.
local function width(text, bold)
  text = text:gsub("#link%(<[^>]*>%)%[([^%]]*)%]", "%1"):gsub("([^\\])~", "%1\u{a0}")
  if text:gsub("\\.", ""):find "[#*_$`~@<]" then return end
  local sum = 0
  for _, code in utf8.codes((text:gsub("\\(.)", "%1"))) do
    if not WIDTHS[code] then return end
    sum = sum + WIDTHS[code][bold and 2 or 1]
  end
  return sum
end

-- The widths of a table's columns without what stands around a cell, in thousandths of the size of its type;
-- nil where some cell might need two lines. Each row says whether it is of the `head`, and holds `cells` with their
-- `text` in Typst, `columns` and `rows`. `most` is the room that there is, `around` what each cell takes more.
function M.columns(rows, count, most, around)
  local columns, spanning, taken = {}, {}, {}
  for index = 1, count do columns[index], taken[index] = 0, 0 end
  for at, row in ipairs(rows) do
    local column = 1
    for _, cell in ipairs(row.cells) do
      while (taken[column] or 0) >= at do column = column + 1 end
      local needed = width(cell.text, row.head or cell.columns == count)
      if not needed then return end
      if cell.columns > 1 then
        table.insert(spanning, { needed, column, cell.columns })
      else
        columns[column] = math.max(columns[column], needed)
      end
      for index = column, column + cell.columns - 1 do taken[index] = at + cell.rows - 1 end
      column = column + cell.columns
    end
  end
  -- What stands over several columns makes the last of them wider.
  for _, each in ipairs(spanning) do
    local needed, first, span = table.unpack(each)
    local last, sum = first + span - 1, (span - 1) * around
    for index = first, last do sum = sum + columns[index] end
    columns[last] = columns[last] + math.max(0, needed - sum)
  end
  local all = count * around
  for _, each in ipairs(columns) do all = all + each end
  if all <= most then return columns end
end

return M
