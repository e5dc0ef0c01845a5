-- Writes a chapter as HTML.

local each = require "each"
local references = require "references"

local M = {}

-- It stands beside the heading, not in it, so that it is no part of the heading's name.
local ANCHOR = '<a class="anchor" href="#%s" aria-label="Link to this section: %s"></a>'

local function raw(text) return pandoc.RawBlock("html", text) end

local function escape(text)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function write(blocks)
  local options = pandoc.WriterOptions { html_math_method = "mathml", wrap_text = "none" }
  return (pandoc.write(pandoc.Pandoc(blocks), "html5", options):gsub("%s+$", ""))
end

local function inline(inlines)
  return write { pandoc.Plain(inlines) }
end

local function href(from, to, fragment)
  local path = from.path == to and "" or references.relative(from.path, to)
  if fragment ~= "" then return path .. "#" .. fragment end
  return path ~= "" and path or to:match "[^/]*$"
end

function M.reference(words, label, info)
  return pandoc.Link(words, href(info, label.path, label.chapter and "" or label.id), "", pandoc.Attr("", { "quarto-xref" }))
end

function M.internal(node, chapter, fragment, info)
  node.target = href(info, chapter.info.path, fragment)
  return node
end

function M.file(node)
  return node
end

-- Tables ---------------------------------------------------------------------------------------

local SIDES = { AlignLeft = "left", AlignRight = "right", AlignCenter = "center" }

local function table_html(tbl, caption_id)
  local out = pandoc.List {}
  local columns = #tbl.colspecs
  out:insert(('<table%s>'):format(caption_id and (' aria-labelledby="%s"'):format(caption_id) or ""))
  local widths = false
  for _, spec in ipairs(tbl.colspecs) do widths = widths or spec[2] ~= nil end
  if widths then
    out:insert "<colgroup>"
    for _, spec in ipairs(tbl.colspecs) do
      out:insert(('<col style="width: %.0f%%">'):format((spec[2] or 0) * 100))
    end
    out:insert "</colgroup>"
  end

  -- In the order in which they are written below.
  local texts, at = each.written(each.cells(tbl), write, raw), 0

  -- A cell that spans rows takes its column from the rows below it.
  local function rows(list, head)
    local taken = {}
    for _, row in ipairs(list) do
      local column = 1
      local group = not head and #row.cells == 1 and row.cells[1].col_span == columns and columns > 1 and head ~= nil
      out:insert(group and '<tr class="group">' or "<tr>")
      for _, cell in ipairs(row.cells) do
        while (taken[column] or 0) > 0 do
          taken[column] = taken[column] - 1
          column = column + 1
        end
        local side = SIDES[cell.alignment] or SIDES[(tbl.colspecs[column] or {})[1]] or ""
        at = at + 1
        local text = texts[at]
        local tag, scope = "td", ""
        if group then
          tag, scope, side = "th", "rowgroup", ""
        elseif head and text ~= "" then
          tag, scope = "th", cell.col_span > 1 and "colgroup" or "col"
        elseif head == false and cell.classes:includes "row-head" then
          tag, scope = "th", "row"
        end
        if head == nil then text = '<div class="table-note">' .. text .. "</div>" end
        local attributes = (scope ~= "" and (' scope="%s"'):format(scope) or "")
          .. (side ~= "" and (' class="%s"'):format(side) or "")
          .. (cell.col_span > 1 and (' colspan="%d"'):format(cell.col_span) or "")
          .. (cell.row_span > 1 and (' rowspan="%d"'):format(cell.row_span) or "")
        out:insert(("<%s%s>%s</%s>"):format(tag, attributes, text, tag))
        for offset = 0, cell.col_span - 1 do
          if cell.row_span > 1 then taken[column + offset] = cell.row_span - 1 end
        end
        column = column + cell.col_span
      end
      out:insert "</tr>"
    end
  end

  if #tbl.head.rows > 0 then
    out:insert "<thead>"
    rows(tbl.head.rows, true)
    out:insert "</thead>"
  end
  for _, body in ipairs(tbl.bodies) do
    out:insert "<tbody>"
    rows(body.head, false)
    rows(body.body, false)
    out:insert "</tbody>"
  end
  if #tbl.foot.rows > 0 then
    out:insert "<tfoot>"
    rows(tbl.foot.rows, nil)
    out:insert "</tfoot>"
  end
  out:insert "</table>"
  return table.concat(out, "\n")
end

local function scrolled(tbl, caption_id, index)
  local region = caption_id and (' role="region" aria-labelledby="%s"'):format(caption_id)
    or (' role="region" aria-label="Table without a caption, %d on this page"'):format(index)
  return raw(('<div class="scroll" tabindex="0"%s>\n%s\n</div>'):format(region, table_html(tbl, caption_id)))
end

-- Links to what can be taken away of a float, which is called by its name.
local function downloads(div, name)
  local given = pandoc.json.decode(div.attributes.downloads or "[]", false)
  local out = pandoc.List {}
  for _, each in ipairs(given) do
    out:insert(('<a href="%s" download aria-label="%s of %s">%s</a>'):format(escape(each.path), each.kind, name, each.kind))
  end
  return #out > 0 and raw('<p class="downloads">Download ' .. table.concat(out, " ") .. "</p>") or pandoc.Blocks {}
end

-- A figure and a table in tabs side by side show the same: the figure says where its numbers stand.
local function name_numbers(tabs)
  local links = {}
  tabs:walk {
    Div = function(div)
      if div.attributes.kind == "tbl" and div.attributes.number then
        table.insert(links, ('<a href="#%s">Table\u{a0}%s</a>'):format(escape(div.identifier), div.attributes.number))
      end
    end,
  }
  if #links == 0 then return end
  local last = table.remove(links)
  local said = #links > 0 and table.concat(links, ", ") .. " and " .. last or last
  return tabs:walk {
    Div = function(div)
      if div.attributes.kind == "fig" and div.attributes.number then
        div.attributes.numbers = said
        return div
      end
    end,
  }
end

-- Say of the pictures in a figure where their numbers stand.
local function described(blocks, id)
  return blocks:walk {
    Image = function(image)
      image.attributes["aria-describedby"] = id
      return image
    end,
  }
end

-- The parts of a chapter -----------------------------------------------------------------------

local function float(div)
  local kind, id = div.attributes.kind, div.identifier
  local caption = pandoc.utils.blocks_to_inlines(div.content[1].content)
  local number = div.attributes.number or ""
  local name = ({ fig = "Figure\u{a0}", tbl = "Table\u{a0}", sub = "part " })[kind]
  name = name and name .. number
  if kind == "fig" or kind == "tbl" then number = name .. ": " end
  if kind == "sub" then number = number .. " " end
  local content = pandoc.Blocks { table.unpack(div.content, 2) }
  local tabular = kind == "tbl" or (kind == "none" and content[1] and content[1].t == "Table")
  local caption_id = id ~= "" and id .. "-caption" or nil
  local figcaption = raw(("<figcaption%s>%s%s</figcaption>"):format(
    caption_id and (' id="%s"'):format(caption_id) or "", number, inline(caption)))
  local blocks = pandoc.Blocks {}
  blocks:insert(raw(('<div%s class="float">\n<figure class="%s">'):format(
    id ~= "" and (' id="%s"'):format(id) or "", tabular and "table" or "figure")))
  if tabular then
    blocks:insert(figcaption)
    for _, block in ipairs(content) do
      blocks:insert(block.t == "Table" and caption_id and scrolled(block, caption_id) or block)
    end
  else
    local columns = tonumber(div.attributes.columns or "1")
    local panels = content[1] and content[1].t ~= "Plain" and kind == "fig" and columns > 1
    if panels then blocks:insert(raw(('<div class="panels" style="--columns: %d">'):format(columns))) end
    blocks:extend(content)
    if panels then blocks:insert(raw "</div>") end
    blocks:insert(figcaption)
    if div.attributes.numbers then
      local told = "numbers-" .. id
      blocks = described(blocks, told)
      blocks:insert(raw(('<p class="numbers" id="%s">The numbers are in %s.</p>'):format(told, div.attributes.numbers)))
    end
  end
  blocks:extend(pandoc.Blocks(downloads(div, name)))
  blocks:insert(raw "</figure>\n</div>")
  return blocks
end

local function callout(div)
  local title = pandoc.utils.blocks_to_inlines(div.content[1].content)
  local number = div.attributes.number
  local kind = div.attributes.kind
  if number then
    local own = div.attributes.titled == "true"
    local word = pandoc.Inlines { kind:sub(1, 1):upper() .. kind:sub(2) .. "\u{a0}" .. number .. (own and ": " or "") }
    if own then word:extend(title) end
    title = word
  end
  local open, close = '<div class="callout-title-container">%s</div>', ""
  if div.attributes.collapse ~= "" then
    open = (div.attributes.collapse == "false" and "<details open>" or "<details>")
      .. '<summary class="callout-title-container">%s</summary>'
    close = "</details>"
  end
  local blocks = pandoc.Blocks {
    raw(('<div class="callout callout-%s"%s>'):format(kind, div.identifier ~= "" and (' id="%s"'):format(div.identifier) or "")),
    raw(open:format((inline(title):gsub("%%", "%%%%")))),
    raw '<div class="callout-body">',
  }
  blocks:extend { table.unpack(div.content, 2) }
  blocks:insert(raw("</div>" .. close .. "\n</div>"))
  return blocks
end

local function tabset(div, number)
  local buttons, panes = "", pandoc.Blocks {}
  for index, pane in ipairs(div.content) do
    local id = ("tabset-%d-%d"):format(number, index)
    buttons = buttons .. ('<button role="tab" type="button" id="%s" aria-controls="%s-panel" aria-selected="%s">%s</button>\n'):format(
      id, id, index == 1 and "true" or "false", inline(pandoc.utils.blocks_to_inlines(pane.content[1].content)))
    panes:insert(raw(('<div role="tabpanel" id="%s-panel" aria-labelledby="%s" data-name="%s" tabindex="0">'):format(
      id, id, escape(pandoc.utils.stringify(pane.content[1])))))
    panes:extend { table.unpack(pane.content, 2) }
    panes:insert(raw "</div>")
  end
  panes:insert(1, raw('<div class="panel-tabset">\n<div class="tablist" role="tablist">\n' .. buttons .. "</div>"))
  panes:insert(raw "</div>")
  return panes
end

local function code(div)
  local fold = div.attributes.fold
  if fold == "none" then return div.content end
  local blocks = pandoc.Blocks {
    raw((fold == "open" and '<details class="code" open>' or '<details class="code">')
      .. "<summary>" .. escape(div.attributes.summary) .. "</summary>"),
  }
  blocks:extend(div.content)
  blocks:insert(raw "</details>")
  return blocks
end

local function equation(div)
  local number = div.attributes.number
  local math = write { pandoc.Plain(pandoc.utils.blocks_to_inlines(div.content)) }
  return raw(('<div class="equation"%s>%s%s</div>'):format(
    div.identifier ~= "" and (' id="%s"'):format(div.identifier) or "", math,
    number and ('<span class="equation-number">(%s)</span>'):format(number) or ""))
end

local function heading(header)
  local number = header.attributes.number or ""
  local span = number ~= "" and ('<span class="header-section-number">%s</span> '):format(number) or ""
  local anchor = ANCHOR:format(escape(header.identifier), escape(pandoc.utils.stringify(header.content)))
  return raw(('<div class="heading"><h%d id="%s">%s%s</h%d>%s</div>'):format(
    header.level, escape(header.identifier), span, inline(header.content), header.level, anchor))
end

local function picture(image)
  local attributes = image.attributes
  image.caption = pandoc.Inlines { attributes["fig-alt"] or pandoc.utils.stringify(image.caption) }
  attributes["fig-alt"] = nil
  attributes.alt = pandoc.utils.stringify(image.caption)
  image.caption = {}
  return image
end

-- What a chapter cites, in the order in which it does, by the names of CSL.
local function cited(chapter)
  local found, seen = pandoc.List {}, {}
  local function told(value) return value and pandoc.utils.stringify(value) or nil end
  chapter.blocks:walk {
    Cite = function(node)
      for _, citation in ipairs(node.citations) do
        local entry = (chapter.entries or {})[citation.id]
        if entry and not seen[citation.id] then
          seen[citation.id] = true
          local authors = pandoc.List {}
          for _, name in ipairs(entry.author or {}) do
            authors:insert(told(name.literal or name.family) and
              (name.literal and told(name.literal) or ((name.given and told(name.given) .. " " or "") .. told(name.family))))
          end
          local issued = entry.issued and entry.issued["date-parts"]
          found:insert {
            type = entry.type, title = told(entry.title), authors = authors, year = issued and tostring(issued[1][1]),
            ["container-title"] = told(entry["container-title"]), publisher = told(entry.publisher),
            volume = told(entry.volume), issue = told(entry.issue), page = told(entry.page), DOI = told(entry.DOI or entry.doi),
          }
        end
      end
    end,
  }
  return found
end

function M.chapter(chapter, job)
  local tabsets = 0
  local description = ""
  for _, block in ipairs(chapter.blocks) do
    if block.t == "Para" and description == "" then description = pandoc.utils.stringify(block) end
  end
  local blocks = chapter.blocks:walk {
    Image = picture,
    Header = heading,
    Cite = function(cite)
      return cite:walk {
        Link = function(link)
          if link.target:match "^#ref%-" then
            link.target = href(chapter.info, chapter.references, link.target:sub(2))
          end
          return link
        end,
      }
    end,
  }
  blocks = blocks:walk {
    Div = function(div)
      if job.downloads and div.classes[1] == "coprod-tabs" then return name_numbers(div) end
    end,
  }:walk {
    Div = function(div)
      local class = div.classes[1] or ""
      if class == "coprod-float" then return float(div) end
      if class == "coprod-callout" then return callout(div) end
      if class == "coprod-code" then return code(div) end
      if class == "coprod-equation" then return equation(div) end
      if class == "coprod-tabs" then
        tabsets = tabsets + 1
        return tabset(div, tabsets)
      end
    end,
  }
  local plain = 0
  blocks = blocks:walk {
    Table = function(tbl)
      plain = plain + 1
      return scrolled(tbl, nil, plain)
    end,
  }
  local headings = pandoc.List {}
  for _, each in ipairs(chapter.headings) do
    headings:insert { level = each.level, number = each.number, id = each.id, html = inline(each.content) }
  end
  return {
    id = chapter.id,
    number = chapter.number,
    cited = cited(chapter),
    title = inline(chapter.title),
    plain_title = pandoc.utils.stringify(chapter.title),
    description = description,
    headings = headings,
    files = chapter.files,
    body = write(blocks),
  }
end

return M
