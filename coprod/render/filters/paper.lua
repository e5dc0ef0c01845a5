-- Writes a chapter as Typst. The functions it calls stand in templates/paper.typ.

local each = require "each"
local fitted = require "fitted"
local references = require "references"

local M = {}

local function raw(text) return pandoc.RawBlock("typst", text) end
local function raw_inline(text) return pandoc.RawInline("typst", text) end

local function text_of(value)
  return '"' .. value:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", " ") .. '"'
end

-- Typst would take two hyphens for a dash and three points for an ellipsis: they stay what was typed.
local function as_typed(text)
  if not (text.text:find("--", 1, true) or text.text:find("...", 1, true)) then return end
  local out, from = pandoc.Inlines {}, 1
  for start, sign in text.text:gmatch "()([-.])" do
    local after = text.text:sub(start + 1, start + 1)
    if after == sign then
      out:insert(pandoc.Str(text.text:sub(from, start - 1)))
      out:insert(raw_inline("\\" .. sign))
      from = start + 1
    end
  end
  out:insert(pandoc.Str(text.text:sub(from)))
  return out
end

local function write(blocks)
  local options = pandoc.WriterOptions { wrap_text = "none" }
  local text = pandoc.utils.stringify(blocks)
  if text:find("--", 1, true) or text:find("...", 1, true) then
    blocks = pandoc.Blocks(blocks):walk { Str = as_typed }
  end
  return (pandoc.write(pandoc.Pandoc(blocks), { format = "typst", extensions = { citations = false, smart = false } }, options):gsub("%s+$", ""))
end

local function inline(inlines)
  return write { pandoc.Plain(inlines) }
end

-- Labels are those of the book where a reference can name them, else they hold the chapter's path.
local function label_name(info, id)
  if references.is_label(id) or id:match "^ref%-" then return id end
  return info.source:gsub("%.qmd$", ""):gsub("[^%w]", ".") .. ":" .. id:gsub("[^%w_-]", ".")
end

local function label(info, id)
  return id ~= "" and ("<%s>"):format(label_name(info, id)) or ""
end

local function linked(name, inlines)
  local all = pandoc.Inlines { raw_inline(("#link(<%s>)["):format(name)) }
  all:extend(inlines)
  all:insert(raw_inline "]")
  return all
end

function M.reference(words, target)
  return linked(target.id, words)
end

function M.internal(node, chapter, fragment)
  return linked(label_name(chapter.info, fragment ~= "" and fragment or chapter.id), node.content)
end

-- A file beside the web page is not there beside the paper.
function M.file(node)
  return node.content
end

-- Mathematics and pictures carry their alternative text, which Pandoc's own writer drops.

local function typst_math(math)
  local written = pandoc.write(pandoc.Pandoc { pandoc.Plain { pandoc.Math("InlineMath", math.text) } }, "typst")
  return (written:gsub("%s+$", ""))
end

local function trimmed(text) return (text:gsub("^%s+", ""):gsub("%s+$", "")) end

local function equation(div, info)
  local math = pandoc.utils.blocks_to_inlines(div.content)[1]
  local number = div.attributes.number
  return raw(("#math.equation(block: true, alt: %s, numbering: %s, %s.body) %s"):format(
    text_of(trimmed(math.text)), number and ('(..) => "(%s)"'):format(number) or "none",
    typst_math(math), label(info, div.identifier)))
end

local function picture(image, info)
  local attributes = image.attributes
  local width = attributes.width or ""
  local size = "none"
  if width:match "px$" then size = ("%.1fpt"):format(tonumber(width:match "[%d.]+") * 0.75) end
  if width:match "%%$" then size = width end
  local folder = info.source:match "^(.*)/[^/]*$"
  local path = "/" .. (folder and folder .. "/" or "") .. image.src
  return raw_inline(("#picture(%s, alt: %s, width: %s)"):format(
    text_of(path), text_of(attributes["fig-alt"] or pandoc.utils.stringify(image.caption)), size))
end

-- Tables ---------------------------------------------------------------------------------------

local SIDES = { AlignLeft = "left", AlignRight = "right", AlignCenter = "center" }

-- Between a table and its notes, so that they can stand outside the figure that holds the table.
local NOTES = "// Notes\n"
-- Before a table that may run over two pages.
local LONG = "// Long\n"
-- Before a table, how wide its columns are and how tall its rows, where all of a page's room is its own.
local FITTED = "// Fitted "
-- A table of more lines than this is long.
local SHORT = 16
-- So many letters of a table's type stand on a line.
local LETTERS = 100

-- A row that goes over the columns names the group of rows below it.
local function names_group(row, columns)
  return #row.cells == 1 and columns > 1 and row.cells[1].col_span == columns
end

-- About how many lines a row takes, if its columns are alike.
local function lines(row, columns)
  local most = 1
  for _, cell in ipairs(row.cells) do
    local letters = utf8.len(pandoc.utils.stringify(cell.contents)) or 0
    most = math.max(most, math.ceil(letters * columns / cell.col_span / LETTERS))
  end
  return most
end

-- Whether a table is long, and before which rows how many lines must be free on a page: three rows
-- of a table at least are on each page that it is on, and on the last also its notes.
local function division(tbl, columns)
  local all, rows, free = 0, pandoc.List {}, {}
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do
      all = all + lines(row, columns)
      if not names_group(row, columns) then rows:insert(row) end
    end
  end
  if all <= SHORT or #rows < 6 then return false, free end
  local function of(first, last)
    local sum = 0
    for index = first, last do sum = sum + lines(rows[index], columns) end
    return sum
  end
  free[rows[1]], free[rows[#rows - 2]] = of(1, 3), of(#rows - 2, #rows)
  for _, row in ipairs(tbl.foot.rows) do
    free[rows[#rows - 2]] = free[rows[#rows - 2]] + lines(row, 1)
  end
  return true, free
end

-- The size of a table's type, what a cell has to the left and right of its text, and the room for a table, in points.
local TYPE, AROUND, ROOM = 7.6, 10, 422

local function typst_table(tbl)
  local out = pandoc.List {}
  local columns, sides = {}, {}
  local widths = false
  for _, spec in ipairs(tbl.colspecs) do widths = widths or spec[2] ~= nil end
  for index, spec in ipairs(tbl.colspecs) do
    columns[index] = widths and ("%.2ffr"):format((spec[2] or 0.1) * 10) or "auto"
    sides[index] = SIDES[spec[1]] or "left"
  end
  -- Where cells carry their own alignment, a column has that of its cells.
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do
      if #row.cells == #columns then
        for index, cell in ipairs(row.cells) do sides[index] = SIDES[cell.alignment] or sides[index] end
      end
    end
  end

  -- In the order in which they are written below.
  local texts, at = each.written(each.cells(tbl), write, raw), 0
  local long, free = division(tbl, #columns)
  local rows, heights = pandoc.List {}, pandoc.List {}

  local function cells(row, head)
    local written, plain, tall = {}, {}, lines(row, #columns) > 30
    for index, cell in ipairs(row.cells) do
      at = at + 1
      local more = {}
      if cell.col_span > 1 then table.insert(more, ("colspan: %d"):format(cell.col_span)) end
      if cell.row_span > 1 then table.insert(more, ("rowspan: %d"):format(cell.row_span)) end
      if cell.col_span > 1 and head then table.insert(more, "align: center, stroke: (bottom: 0.4pt + hairline)") end
      local text = texts[at]
      plain[index] = { text = text, columns = cell.col_span, rows = cell.row_span }
      -- A row is not torn, unless it is so tall that a page might not hold it; only what may be torn
      -- can look for room.
      if tall or free[row] then table.insert(more, "breakable: true") end
      if index == 1 and free[row] then text = ("#keep(%d)[%s]"):format(free[row], text) end
      table.insert(written, #more > 0 and ("table.cell(%s)[%s]"):format(table.concat(more, ", "), text) or ("[%s]"):format(text))
    end
    rows:insert(plain)
    -- What looks for room must be free to find it.
    heights:insert((head or free[row]) and "auto" or "one-line")
    return table.concat(written, ", ")
  end

  if #tbl.head.rows > 0 then
    local head = {}
    for _, row in ipairs(tbl.head.rows) do table.insert(head, cells(row, true)) end
    out:insert(("table.header(%s),"):format(table.concat(head, ", ")))
  end
  out:insert "table.hline(stroke: 0.6pt + ink),"
  local function body_row(row)
    if names_group(row, #columns) then
      at = at + 1
      rows:insert { { text = texts[at], columns = #columns, rows = 1 } }
      heights:insert "one-line"
      return ("table.header(level: 2, repeat: false, table.cell(colspan: %d, align: left)[#group-name[%s]]),"):format(
        #columns, texts[at])
    end
    return cells(row, false) .. ","
  end
  for _, body in ipairs(tbl.bodies) do
    out:extend(pandoc.List(body.head):map(body_row))
    out:extend(pandoc.List(body.body):map(body_row))
  end
  out:insert "table.hline(stroke: 0.6pt + ink),"
  out:insert ")"
  out:insert(1, ("#table(columns: (%s,), align: (%s,),"):format(
    table.concat(columns, ", "), table.concat(sides, ", ")))
  local fitting, single
  if not widths then
    fitting, single = fitted.columns(rows, #columns, ROOM / TYPE * 1000, AROUND / TYPE * 1000)
  end
  if fitting then
    for index, width in ipairs(fitting) do
      columns[index] = ("%.1fpt"):format(math.ceil(width / 100 * TYPE) / 10)
    end
    for index, known in ipairs(single) do
      if not known then heights[index] = "auto" end
    end
    out:insert(1, ("%scolumns: (%s,), rows: (%s,),"):format(
      FITTED, table.concat(columns, ", "), table.concat(heights, ", ")))
  end
  local notes = {}
  for _, row in ipairs(tbl.foot.rows) do
    for _ in ipairs(row.cells) do
      at = at + 1
      table.insert(notes, ("#note[%s]"):format(texts[at]))
    end
  end
  if #notes > 0 then out:insert(NOTES .. table.concat(notes, "\n")) end
  return raw((long and LONG or "") .. table.concat(out, "\n"))
end

-- The parts of a chapter -----------------------------------------------------------------------

-- The width of the text, and a figure's height from which on it would leave much of a page white, in
-- points.
local WIDTH, TALL = 420, 220

-- How high the pictures of a figure are together, as far as they say so.
local function height(div)
  local columns, sum = tonumber(div.attributes.columns or "1"), 0
  div:walk {
    Image = function(image)
      local wide = tonumber((image.attributes.width or ""):match "^([%d.]+)px$" or 0) * 0.75
      local high = tonumber((image.attributes.height or ""):match "^([%d.]+)px$" or 0) * 0.75
      if wide > 0 then sum = sum + high * math.min(1, WIDTH / columns / wide) / columns end
    end,
  }
  return sum
end

local function float(div, info)
  local kind, id = div.attributes.kind, div.identifier
  local caption = inline(pandoc.utils.blocks_to_inlines(div.content[1].content))
  local content = pandoc.Blocks { table.unpack(div.content, 2) }
  local columns = tonumber(div.attributes.columns or "1")
  local body = write(content)
  if kind == "fig" and columns > 1 then
    local parts = {}
    for _, block in ipairs(content) do table.insert(parts, ("[%s]"):format(write { block })) end
    body = ("#grid(columns: (1fr,) * %d, gutter: 1em, %s)"):format(columns, table.concat(parts, ", "))
  end
  local number = div.attributes.number or ""
  local shape = {
    fig = ('kind: image, supplement: [Figure], numbering: (..) => "%s"'):format(number),
    tbl = ('kind: table, supplement: [Table], numbering: (..) => "%s"'):format(number),
    sub = ('kind: "panel", supplement: none, outlined: false, numbering: (..) => "%s"'):format(number),
    none = 'kind: "plain", supplement: none, outlined: false, numbering: none',
  }
  local inside, notes = body:match("^(.-)\n" .. NOTES .. "(.*)$")
  local code = ("#figure(%s, caption: [%s])[\n%s\n] %s"):format(shape[kind], caption, inside or body, label(info, id))
  if kind == "fig" then
    local tall = tonumber(div.attributes.height) > TALL
    return raw(("#%s[%s]"):format(tall and "floating" or "standing", code))
  end
  if body:find("#table", 1, true) then
    code = code:gsub(FITTED .. "([^\n]*)\n#table%(columns: %b(),", "#table(%1")
    return raw(("#tabular(breakable: %s)[\n%s\n%s\n]"):format(tostring(body:find(LONG, 1, true) ~= nil), code, notes or ""))
  end
  return raw(code)
end

-- A tall figure goes to the foot of the page, or of the next, where it does not fit, so that text fills
-- the page; what is to stay with it goes there too: the code that draws it, the title of its tab.
local FLOATING = "#floating["

local function floats(block)
  return block and block.t == "RawBlock" and block.text:sub(1, #FLOATING) == FLOATING
end

local function put_into_float(block, before)
  return raw(FLOATING .. before .. "\n" .. block.text:sub(#FLOATING + 1))
end

-- But within something else it stays where it is; and a table has less room there, of which Typst knows.
local function in_place(blocks)
  return blocks:walk {
    RawBlock = function(block)
      if block.format ~= "typst" then return end
      local text = floats(block) and "#standing[" .. block.text:sub(#FLOATING + 1) or block.text
      return raw((text:gsub("#table%(columns: (%b()), rows: %b(),", function(columns)
        return "#table(columns: " .. columns:gsub("[%d.]+pt", "auto") .. ","
      end)))
    end,
  }
end

local function callout(div, info)
  local kind, number = div.attributes.kind, div.attributes.number
  local title = inline(pandoc.utils.blocks_to_inlines(div.content[1].content))
  if number then
    local word = kind:sub(1, 1):upper() .. kind:sub(2) .. "~" .. number
    title = div.attributes.titled == "true" and (word .. ": " .. title) or word
  end
  return raw(("#callout(kind: %s, title: [%s])[\n%s\n] %s"):format(
    text_of(kind), title, write(in_place(pandoc.Blocks { table.unpack(div.content, 2) })), label(info, div.identifier)))
end

local function tabset(div)
  local panes = pandoc.Blocks {}
  for _, pane in ipairs(div.content) do
    local title = ("#tab-title[%s]"):format(inline(pandoc.utils.blocks_to_inlines(pane.content[1].content)))
    local content = pandoc.Blocks { table.unpack(pane.content, 2) }
    if floats(content[1]) then content[1] = put_into_float(content[1], title) else panes:insert(raw(title)) end
    panes:extend(content)
  end
  return panes
end

function M.chapter(chapter)
  local info = chapter.info
  -- How many lines the chapter will have in the contents and in the lists of figures and tables.
  local lines = { heading = 1, fig = 0, tbl = 0 }
  local blocks = chapter.blocks:walk {
    traverse = "topdown",
    Div = function(div)
      if div.classes:includes "coprod-float" then
        local kind = div.attributes.kind
        lines[kind] = (lines[kind] or 0) + 1
        if kind == "fig" then div.attributes.height = tostring(height(div)) end
        return div, false
      end
    end,
  }:walk {
    Math = function(math)
      if math.mathtype == "InlineMath" then
        return raw_inline(("#math.equation(alt: %s, %s.body)"):format(text_of(trimmed(math.text)), typst_math(math)))
      end
    end,
    Image = function(image) return picture(image, info) end,
    Span = function(span)
      if span.identifier ~= "" then span.identifier = label_name(info, span.identifier) end
      return span
    end,
    Header = function(header)
      if header.level == 2 then lines.heading = lines.heading + 1 end
      local number = header.attributes.number or ""
      return raw((header.level <= 2 and "#place.flush() " or "") .. ("#heading(level: %d, numbering: %s)[%s] %s"):format(
        header.level, number ~= "" and ('(..) => "%s"'):format(number) or "none",
        inline(header.content), label(info, header.identifier)))
    end,
  }
  -- A short list stays whole, above all at the end of a chapter.
  local function list(node)
    if #node.content <= 6 and #pandoc.utils.stringify(node) < 900 then
      return { raw "#block(breakable: false)[", node, raw "]" }
    end
  end
  blocks = blocks:walk {
    BulletList = list,
    OrderedList = list,
    Div = function(div)
      if div.classes:includes "coprod-equation" then return equation(div, info) end
      if div.classes:includes "cell-output" then
        return raw(("#output[\n%s\n]"):format(write(div.content)))
      end
    end,
    Table = typst_table,
  }
  blocks = blocks:walk {
    BlockQuote = function(quote) return pandoc.BlockQuote(in_place(quote.content)) end,
    BulletList = function(items) return pandoc.BulletList(items.content:map(in_place)) end,
    OrderedList = function(items)
      return pandoc.OrderedList(items.content:map(in_place), items.listAttributes)
    end,
    Div = function(div)
      local class = div.classes[1] or ""
      if class == "coprod-float" then return float(div, info) end
      if class == "coprod-callout" then return callout(div, info) end
      if class == "coprod-tabs" then return tabset(div) end
      if class == "cell" and #div.content == 2 and floats(div.content[2]) then
        return put_into_float(div.content[2], write { div.content[1] })
      end
      if class == "coprod-code" or class == "cell" then return div.content end
      if div.identifier ~= "" then
        div.content = in_place(div.content)
        div.identifier = div.identifier == "refs" and "" or label_name(info, div.identifier)
        return div
      end
    end,
  }
  return {
    number = chapter.number,
    title = inline(chapter.title),
    label = label_name(info, chapter.id),
    files = chapter.files,
    headings = lines.heading,
    figures = lines.fig,
    tables = lines.tbl,
    body = write(blocks),
  }
end

return M
