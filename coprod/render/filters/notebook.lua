-- Writes the prose of a chapter for a notebook, with a comment where each cell stands.

local references = require "references"

local M = {}

local FORMAT = "gfm+tex_math_dollars"
local MARK = "<!--coprod-cell %s-->"

-- What a citation became, by what it cites and how.
local function cited(chapter)
  local found = {}
  local function key(cite)
    local parts = {}
    for _, each in ipairs(cite.citations) do
      table.insert(parts, each.id .. each.mode .. pandoc.utils.stringify(each.prefix) .. pandoc.utils.stringify(each.suffix))
    end
    return table.concat(parts, ";")
  end
  chapter.blocks:walk { Cite = function(cite) found[key(cite)] = cite.content end }
  return function(cite) return found[key(cite)] or cite.content end
end

local function unlinked(inlines)
  return inlines:walk { Link = function(link) return link.content end }
end

local function quoted(div)
  local content = div.content
  if content[1] and content[1].t == "Header" then
    content[1] = pandoc.Para { pandoc.Strong(content[1].content) }
  end
  return pandoc.BlockQuote(content)
end

local function shown(div)
  local when = div.attributes["when-format"]
  if div.classes:includes "content-visible" then return when == "html" end
  if div.classes:includes "content-hidden" then return when ~= "html" end
  return true
end

-- The Markdown of a chapter's prose, references and citations as the page has them. `blocks` are those
-- that were read, `labels` those of the whole book.
function M.text(chapter, blocks, labels)
  local resolved = cited(chapter)
  blocks = blocks:walk {
    Div = function(div) if not shown(div) then return {} end end,
  }:walk {
    Cite = function(cite)
      local label = labels[cite.citations[1].id]
      if not label then return unlinked(resolved(cite)) end
      return pandoc.Link(references.words_for(label), references.relative(chapter.info.path, label.path) .. "#" .. label.id)
    end,
    Link = function(link)
      if not link.target:match "^%a[%w+.-]*:" then link.target = link.target:gsub("%.qmd$", ".html"):gsub("%.qmd#", ".html#") end
      return link
    end,
    Span = function(span) return span.content end,
    Header = function(header)
      header.attr = pandoc.Attr()
      return header
    end,
    Div = function(div)
      if div.classes:includes "coprod-cell" then return pandoc.RawBlock("html", MARK:format(div.attributes.n)) end
      for _, class in ipairs(div.classes) do
        if class:match "^callout%-" then return quoted(div) end
      end
      return div.content
    end,
  }
  return pandoc.write(pandoc.Pandoc(blocks), FORMAT, pandoc.WriterOptions { wrap_text = "none" })
end

return M
