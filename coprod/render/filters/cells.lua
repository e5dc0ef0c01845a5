-- The results of a chapter's cells, and everything that Quarto has and Pandoc has not (tabs,
-- callouts, conditions), as blocks that the later steps know:
--
--   Div.float    a numbered figure, table or part of a figure; its first child is Div.caption
--   Div.tabs     holds Div.tab, whose first child is Div.tab-title
--   Div.callout  its first child is Div.callout-title
--
-- `coprod-` stands before each of these classes, so that no class of a chapter's own meets them.

local M = {}

local CALLOUTS = { note = "Note", tip = "Tip", warning = "Warning", caution = "Caution", important = "Important" }

function M.markdown(text)
  return pandoc.read(text, "markdown").blocks
end

function M.inlines(text)
  return pandoc.utils.blocks_to_inlines(M.markdown(text))
end

function M.float(kind, id, caption, content, attributes)
  local blocks = pandoc.Blocks { pandoc.Div({ pandoc.Plain(caption) }, pandoc.Attr("", { "coprod-caption" })) }
  blocks:extend(content)
  attributes = attributes or {}
  attributes.kind = kind
  return pandoc.Div(blocks, pandoc.Attr(id, { "coprod-float" }, attributes))
end

-- The tables in a cell's HTML, without the styles that came with them. The alignment that
-- great_tables writes as a class becomes the cell's own.
local function tables_of(html)
  local found = pandoc.Blocks {}
  local function align(row)
    for _, cell in ipairs(row.cells) do
      for _, class in ipairs(cell.classes) do
        local side = class:match "^gt_(%a+)$"
        if side == "left" then cell.alignment = "AlignLeft" end
        if side == "right" then cell.alignment = "AlignRight" end
        if side == "center" then cell.alignment = "AlignCenter" end
      end
      if cell.attr.attributes.scope == "row" then cell.classes = { "row-head" } else cell.classes = {} end
      cell.identifier = ""
      cell.attr.attributes = {}
    end
    row.attr = pandoc.Attr()
    return row
  end
  -- Most of the HTML says how it looks and which heads a cell has, and all of that would be read to be dropped.
  html = html:gsub("<style.-</style>", ""):gsub("<t[hd] [^>]*>", function(tag)
    return (tag:gsub(' headers="[^"]*"', ""):gsub(' id="[^"]*"', ""):gsub('class="gt_row ', 'class="'))
  end)
  pandoc.read(html, "html").blocks:walk {
    Table = function(table)
      for _, part in ipairs { table.head, table.foot } do
        part.rows = part.rows:map(align)
      end
      for _, body in ipairs(table.bodies) do
        body.head = pandoc.List(body.head):map(align)
        body.body = pandoc.List(body.body):map(align)
        body.attr = pandoc.Attr()
      end
      table.attr = pandoc.Attr()
      table = table:walk { Span = function(span) return span.content end }
      found:insert(table)
    end,
  }
  return found
end

local function image(output, alt)
  local attributes = { ["fig-alt"] = alt, width = output.width, height = output.height }
  return pandoc.Image({}, output.path, "", pandoc.Attr("", {}, attributes))
end

local function output_blocks(output, cell, chapter, target, faults, alt)
  if output.kind == "markdown" then
    return M.markdown(output.text)
  elseif output.kind == "html" then
    local found = tables_of(output.text)
    if #found > 0 then return found end
    if target == "html" then return pandoc.Blocks { pandoc.RawBlock("html", output.text) } end
    table.insert(faults, { source = chapter.source, place = cell.place, kind = "html", label = cell.name })
    return pandoc.Blocks {}
  elseif output.kind == "image" then
    if alt == "" then
      table.insert(faults, { source = chapter.source, place = cell.place, kind = "alt", label = cell.name })
    end
    return pandoc.Blocks { pandoc.Plain { image(output, alt) } }
  end
  return pandoc.Blocks {
    pandoc.Div({ pandoc.CodeBlock(output.text) }, pandoc.Attr("", { "cell-output", "cell-output-" .. output.kind })),
  }
end

-- A cell's code and results.
local function cell_blocks(cell, chapter, target, faults)
  local blocks = pandoc.Blocks {}
  if cell.code then
    local code = pandoc.CodeBlock(cell.code, pandoc.Attr("", { "python" }))
    blocks:insert(pandoc.Div({ code }, pandoc.Attr("", { "coprod-code" }, { fold = cell.fold, summary = cell.summary })))
  end
  local results = pandoc.Blocks {}
  local downloads = pandoc.List {}
  for index, output in ipairs(cell.outputs) do
    local alt = cell.alt[index] or cell.alt[1] or ""
    local made = output_blocks(output, cell, chapter, target, faults, alt)
    if cell.float and #cell.subcaps > 0 then
      local attributes = { downloads = pandoc.json.encode(output.downloads or {}) }
      made = pandoc.Blocks { M.float("sub", cell.label .. "-" .. index, M.inlines(cell.subcaps[index] or ""), made, attributes) }
    else
      downloads:extend(output.downloads or {})
    end
    results:extend(made)
  end
  if cell.float then
    if #cell.subcaps > 0 and #cell.subcaps ~= #cell.outputs then
      table.insert(faults, {
        source = chapter.source, place = cell.place, kind = "panels", label = cell.label,
        found = #cell.outputs, expected = #cell.subcaps,
      })
    end
    if #results == 0 then
      table.insert(faults, { source = chapter.source, place = cell.place, kind = "empty", label = cell.label })
    end
    results = pandoc.Blocks {
      M.float(cell.float, cell.label, M.inlines(cell.caption), results, {
        columns = tostring(cell.ncol or 1), downloads = pandoc.json.encode(downloads),
      }),
    }
  end
  blocks:extend(results)
  for _, block in ipairs(blocks) do
    if block.t == "RawBlock" or block.t == "Plain" then return blocks end
  end
  return cell.code and pandoc.Blocks { pandoc.Div(blocks, pandoc.Attr("", { "cell" })) } or blocks
end

-- Whether a block is for this target.
local function visible(div, target)
  if div.classes:includes "content-visible" then return div.attributes["when-format"] == target end
  if div.classes:includes "content-hidden" then return div.attributes["when-format"] ~= target end
  return true
end

local function tabs(div)
  local panes = pandoc.Blocks {}
  local level
  for _, block in ipairs(div.content) do
    if block.t == "Header" and (level == nil or block.level == level) then
      level = block.level
      local title = pandoc.Div({ pandoc.Plain(block.content) }, pandoc.Attr("", { "coprod-tab-title" }))
      panes:insert(pandoc.Div({ title }, pandoc.Attr("", { "coprod-tab" })))
    elseif #panes > 0 then
      panes[#panes].content:insert(block)
    end
  end
  return pandoc.Div(panes, pandoc.Attr(div.identifier, { "coprod-tabs" }))
end

local function callout(div, kind)
  local content = div.content
  local title = pandoc.Inlines { CALLOUTS[kind] }
  local own = content[1] and content[1].t == "Header"
  if own then
    title = content[1].content
    content = pandoc.Blocks { table.unpack(content, 2) }
  end
  content:insert(1, pandoc.Div({ pandoc.Plain(title) }, pandoc.Attr("", { "coprod-callout-title" })))
  return pandoc.Div(content, pandoc.Attr(div.identifier, { "coprod-callout" }, {
    kind = kind, collapse = div.attributes.collapse or "", titled = tostring(own),
  }))
end

local function widths(tbl)
  local given = tbl.attributes["tbl-colwidths"]
  if not given then return end
  local numbers, total = {}, 0
  for number in given:gmatch "[%d.]+" do
    table.insert(numbers, tonumber(number))
    total = total + tonumber(number)
  end
  for index, spec in ipairs(tbl.colspecs) do
    tbl.colspecs[index] = { spec[1], numbers[index] and numbers[index] / total or nil }
  end
  tbl.attributes["tbl-colwidths"] = nil
end

function M.expand(blocks, chapter, target, faults)
  local function each(all)
    -- What is not for this target goes first, so that nothing in it is looked at.
    return all:walk {
      Div = function(div)
        if not visible(div, target) then return {} end
        if div.classes:includes "content-visible" or div.classes:includes "content-hidden" then return div.content end
      end,
    }:walk {
      Div = function(div)
        if div.classes:includes "coprod-cell" then
          local cell = chapter.cells[tonumber(div.attributes.n)]
          return each(cell_blocks(cell, chapter, target, faults))
        elseif div.classes:includes "panel-tabset" then
          return tabs(div)
        end
        for _, class in ipairs(div.classes) do
          local kind = class:match "^callout%-(%a+)$"
          if kind and CALLOUTS[kind] then return callout(div, kind) end
        end
      end,
      Figure = function(figure)
        return M.float(
          figure.identifier ~= "" and "fig" or "none", figure.identifier,
          pandoc.utils.blocks_to_inlines(figure.caption.long), figure.content
        )
      end,
      Table = function(tbl)
        widths(tbl)
        if tbl.identifier == "" and #tbl.caption.long == 0 then return end
        local id, caption = tbl.identifier, pandoc.utils.blocks_to_inlines(tbl.caption.long)
        tbl.identifier = ""
        tbl.caption = pandoc.Caption {}
        return M.float(id ~= "" and "tbl" or "none", id, caption, { tbl })
      end,
      Para = function(para)
        local math = para.content[1]
        if not math or math.t ~= "Math" or math.mathtype ~= "DisplayMath" then return end
        local id = #para.content > 1 and pandoc.utils.stringify(para.content[#para.content]):match "^{#(eq%-[%w-]+)}$"
        if #para.content == 1 or id then
          return pandoc.Div({ pandoc.Plain { math } }, pandoc.Attr(id or "", { "coprod-equation" }))
        end
      end,
    }
  end
  return each(blocks)
end

return M
