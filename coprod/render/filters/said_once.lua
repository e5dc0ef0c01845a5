-- A reason for what is absent is said once a section, and no tab holds nothing but a reason.
--
-- A figure or table that a panel does not support keeps its number and its caption, since other pages
-- refer to it. Where its section has given the reason already, "not shown" is enough. A tab in which
-- nothing else is left gives way, and what it would have held stands below the other tabs.
--
-- It works on the blocks that cells.lua makes.

local M = {}

local stringify = pandoc.utils.stringify

-- What a paragraph says that is nothing but the reason why something is absent.
local function reason_of(block)
  if block.t ~= "Para" and block.t ~= "Plain" then return nil end
  local span = block.content[1]
  if #block.content == 1 and span.t == "Span" and span.classes:includes "absent" then return stringify(span) end
end

local function is(block, class)
  return block.t == "Div" and block.classes:includes(class)
end

-- The figure or table of a block that holds nothing but reasons; its code, if it has any, shows nothing.
local function empty_float(block)
  if is(block, "cell") then
    local float
    for _, child in ipairs(block.content) do
      if not is(child, "coprod-code") then
        if float or not empty_float(child) then return nil end
        float = child
      end
    end
    return float
  end
  if not is(block, "coprod-float") or #block.content < 2 then return nil end
  for index = 2, #block.content do
    if not reason_of(block.content[index]) then return nil end
  end
  return block
end

function M.settle(all)
  local said = {}

  local function unsaid(blocks)
    local kept = pandoc.Blocks {}
    for _, block in ipairs(blocks) do
      local reason = reason_of(block)
      if not reason or not said[reason] then kept:insert(block) end
      if reason then said[reason] = true end
    end
    return kept
  end

  local function captioned(float)
    float.content = unsaid(float.content)
    if #float.content == 1 then
      float.content:insert(pandoc.Para { pandoc.Span({ pandoc.Emph "Not shown." }, pandoc.Attr("", { "absent" })) })
    end
    return float
  end

  local settled

  local function tabs(div)
    local panes, below = pandoc.Blocks {}, pandoc.Blocks {}
    for _, pane in ipairs(div.content) do
      local held = pandoc.Blocks { table.unpack(pane.content, 2) }
      local floats = held:map(empty_float)
      if #held > 0 and #floats == #held then
        below:extend(floats)
      else
        pane.content = pandoc.Blocks { pane.content[1], table.unpack(settled(held)) }
        panes:insert(pane)
      end
    end
    if #panes == #div.content then return pandoc.Blocks { div } end
    below = below:map(captioned)
    if #panes == 1 then return pandoc.Blocks { table.unpack(panes[1].content, 2) } .. below end
    if #panes == 0 then return below end
    div.content = panes
    return pandoc.Blocks { div } .. below
  end

  function settled(blocks, top)
    local kept = pandoc.Blocks {}
    for _, block in ipairs(blocks) do
      if top and block.t == "Header" then said = {} end
      local float = empty_float(block)
      if float then
        kept:insert(captioned(float))
      elseif is(block, "coprod-tabs") then
        kept:extend(tabs(block))
      elseif block.t == "Div" and not is(block, "coprod-float") then
        block.content = settled(block.content)
        kept:insert(block)
      else
        kept:extend(unsaid { block })
      end
    end
    return kept
  end

  return settled(all, true)
end

return M
