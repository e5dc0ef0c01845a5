-- Prose about what a panel cannot support gives way to the sentence that says so.
--
-- Where an expression has no value its paragraph holds a span of the class `absent` with the reason.
-- That paragraph, or item of a list, is left out, since without its number it would say nothing or
-- something false. The reason stands in its place, once a section. Where a paragraph is nothing but
-- such a span, the prose that follows it in its section is left out as well: so a section says what
-- it needs. Headings, figures, tables and equations stay, and with them what others refer to.
--
-- It is a filter of Pandoc by itself, and so one that Quarto can run too.

local stringify = pandoc.utils.stringify

local function reasons_in(element)
  local found = pandoc.List {}
  element:walk {
    Span = function(span)
      if span.classes:includes "absent" then found:insert(span) end
    end,
  }
  return found
end

local function is_equation(para)
  local first = para.content[1]
  return first and first.t == "Math" and first.mathtype == "DisplayMath"
end

local function is_callout(div)
  for _, class in ipairs(div.classes) do
    if class:match "^callout" then return true end
  end
  return false
end

-- One pass over a chapter; `section` knows what was said in it, and whether the rest is left out.
local function sifted(blocks, section, top)
  local kept = pandoc.Blocks {}

  local function say(reasons)
    for _, reason in ipairs(reasons) do
      local text = stringify(reason)
      if not section.said[text] then
        section.said[text] = true
        kept:insert(pandoc.Para { reason })
      end
    end
  end

  local function list(block)
    local items, missing = pandoc.List {}, pandoc.List {}
    for _, item in ipairs(block.content) do
      local reasons = reasons_in(pandoc.Div(item))
      if #reasons > 0 then missing:extend(reasons) else items:insert(item) end
    end
    block.content = items
    if #items > 0 and not section.silent then kept:insert(block) end
    say(missing)
  end

  for _, block in ipairs(blocks) do
    if block.t == "Header" then
      if top then section.said, section.silent = {}, false end
      kept:insert(block)
    elseif block.t == "Para" or block.t == "Plain" then
      local reasons = reasons_in(block)
      say(reasons)
      if #reasons == 1 and #block.content == 1 then section.silent = true end
      if #reasons == 0 and (not section.silent or is_equation(block)) then kept:insert(block) end
    elseif block.t == "BulletList" or block.t == "OrderedList" then
      list(block)
    elseif block.t == "BlockQuote" then
      if not section.silent then
        block.content = sifted(block.content, section)
        if #block.content > 0 then kept:insert(block) end
      end
    elseif block.t == "Div" and is_callout(block) then
      local reasons = reasons_in(block)
      say(reasons)
      if #reasons == 0 and not section.silent then kept:insert(block) end
    elseif block.t == "Div" and not block.classes:includes "cell" then
      block.content = sifted(block.content, section)
      kept:insert(block)
    elseif block.t == "Table" then
      kept:insert(block:walk {
        Plain = function(plain)
          local reasons = reasons_in(plain)
          if #reasons > 0 then return pandoc.Plain { reasons[1] } end
        end,
      })
    else
      kept:insert(block)
    end
  end
  return kept
end

return {
  {
    Pandoc = function(doc)
      doc.blocks = sifted(doc.blocks, { said = {}, silent = false }, true)
      return doc
    end,
  },
}
