-- Typst sets each cell of a table four times to find how wide its column and how tall its row is. Where it is known
-- how much room each cell needs at most, the columns are said instead, as nearly as Typst would find them, and so are
-- the rows whose cells surely stand on one line.

local M = {}

-- How wide letters of a table's type are at most, regular and bold, in thousandths of its size. Those that stand
-- further off from some others have a little more.
M.classes = {
  { 275, 307, "'" }, { 278, 343, "ijl" }, { 295, 373, "IJ" }, { 318, 349, " \u{a0}" }, { 318, 400, ",." }, { 318, 450, "‘’" },
  { 337, 366, "/\\|" }, { 337, 400, ":;" }, { 353, 436, "f" }, { 417, 440, "-" }, { 393, 479, "t" },
  { 401, 438, "²³¹⁰⁴⁵⁶⁷⁸⁹" }, { 401, 458, "!()[]" }, { 412, 494, "r" }, { 460, 521, '"' }, { 500, 500, "_`–" },
  { 500, 523, "*" }, { 562, 700, "“”" }, { 528, 528, "⁻" }, { 531, 596, "?sz" }, { 550, 593, "c" },
  { 558, 638, "L" }, { 576, 684, "F" }, { 592, 646, "x" }, { 592, 666, "kvy" }, { 611, 733, "PY" },
  { 616, 688, "Taeo" }, { 637, 696, "$0123456789E" }, { 637, 721, "Sbdghnpqu{}" }, { 656, 775, "K" },
  { 712, 790, "A" }, { 695, 774, "BRVX" }, { 699, 734, "CZ" }, { 732, 813, "U" }, { 752, 837, "HN" }, { 775, 831, "DG" },
  { 780, 873, "&" }, { 788, 851, "OQ" }, { 818, 924, "w" }, { 838, 838, "#+<=>^~×−≤≥" }, { 863, 996, "M" },
  { 951, 1002, "%" }, { 975, 1042, "m⅓⅔" }, { 989, 1104, "W" }, { 1000, 1000, "@" },
}

local WIDTHS = {}
for _, class in ipairs(M.classes) do
  for _, code in utf8.codes(class[3]) do WIDTHS[code] = { class[1], class[2] } end
end

-- What each cell has for pairs of letters that stand a little further off: none needs a third of it.
M.spare = 60

-- The width that a text of Typst needs at most, or nil where that is not known.
local function width(text, bold)
  text = text:gsub("#link%(<[^>]*>%)%[([^%]]*)%]", "%1"):gsub("([^\\])~", "%1\u{a0}")
  if text:gsub("\\.", ""):find "[#*_$`~@<]" then return end
  local sum = M.spare
  for _, code in utf8.codes((text:gsub("\\(.)", "%1"))) do
    if not WIDTHS[code] then return end
    sum = sum + WIDTHS[code][bold and 2 or 1]
  end
  return sum
end

-- Columns that are wider than their share get what the others leave, in equal parts: Typst's own rule.
local function shared(columns, most)
  local left, sharing, share, before, changed = most, #columns, -math.huge, nil, true
  while changed and sharing > 0 do
    before, share, changed = share, left / sharing, false
    for _, wide in ipairs(columns) do
      if wide <= share and wide > before then
        left, sharing, changed = left - wide, sharing - 1, true
      end
    end
  end
  for index, wide in ipairs(columns) do columns[index] = math.min(wide, share) end
end

-- The widths of a table's columns, in thousandths of the size of its type, and for each row whether all its cells
-- stand on one line; nil where it is not known how wide some cell is. Each row is its cells, with their `text` in
-- Typst, `columns` and `rows`; the first is bold. `most` is the room that there is, `around` what each cell takes beside
-- its text.
function M.columns(rows, count, most, around)
  local columns, cells, spanning, taken = {}, {}, {}, {}
  for index = 1, count do columns[index], taken[index] = 0, 0 end
  for at, row in ipairs(rows) do
    local column = 1
    for _, cell in ipairs(row) do
      while (taken[column] or 0) >= at do column = column + 1 end
      local needed = width(cell.text, at == 1 or cell.columns == count)
      if not needed then return end
      local last = column + cell.columns - 1
      local known = { needed = needed + around, row = at, below = cell.rows - 1, first = column, last = last }
      table.insert(cells, known)
      if cell.columns > 1 then
        table.insert(spanning, known)
      else
        columns[column] = math.max(columns[column], known.needed)
      end
      for index = column, last do taken[index] = at + cell.rows - 1 end
      column = last + 1
    end
  end
  local function over(cell)
    local sum = 0
    for index = cell.first, cell.last do sum = sum + columns[index] end
    return sum
  end
  -- What stands over several columns makes the last of them wider.
  for _, each in ipairs(spanning) do
    columns[each.last] = columns[each.last] + math.max(0, each.needed - over(each))
  end
  shared(columns, most)
  local single = {}
  for at in ipairs(rows) do single[at] = true end
  for _, cell in ipairs(cells) do
    for at = cell.row, cell.row + (cell.needed > over(cell) and cell.below or -1) do single[at] = false end
  end
  return columns, single
end

return M
