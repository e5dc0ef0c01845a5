-- The citations of the whole book, and its list of works.

local references = require "references"

local M = {}

local function json(inlines)
  return pandoc.write(pandoc.Pandoc { pandoc.Plain(inlines) }, "json")
end

-- A citation as text, whatever stands before it.
local function key_of(cite)
  cite = cite:clone()
  cite.content = {}
  for _, citation in ipairs(cite.citations) do citation.note_num, citation.hash = 0, 0 end
  return json { cite }
end

-- The citations in the order in which they stand, each with its key; which works are cited, and first where; those
-- that chapters cite which are not written; and the list of works, with the chapter that holds it.
local function gather(chapters)
  local found = { nodes = pandoc.List {}, keys = {}, cited = {}, elsewhere = pandoc.Inlines {} }
  for _, chapter in ipairs(chapters) do
    if chapter.known then
      for _, id in ipairs(chapter.known.cited) do
        found.elsewhere:insert(pandoc.Cite({}, { pandoc.Citation(id, "NormalCitation") }))
      end
    else
      chapter.cited = {}
      chapter.blocks:walk {
        Cite = function(node)
          for _, citation in ipairs(node.citations) do chapter.cited[citation.id] = true end
          found.nodes:insert(node)
          table.insert(found.keys, key_of(node))
        end,
        Div = function(div)
          if div.identifier == "refs" then found.refs = div end
        end,
      }
    end
    for id in pairs(chapter.cited) do found.cited[id] = found.cited[id] or chapter.info.source end
    if chapter.ids.refs then found.home = chapter end
  end
  return found
end

-- What citeproc is given: the citations each alone, then those elsewhere, then the list.
local function document(found, bibliography)
  local blocks = pandoc.Blocks(found.nodes:map(function(node) return pandoc.Plain { node } end))
  blocks:insert(pandoc.Plain(found.elsewhere))
  if found.refs then blocks:insert(found.refs) end
  -- Quarto's reference list has the marks and quotes of American English, whatever `lang` says.
  return pandoc.Pandoc(blocks, pandoc.Meta { ["link-citations"] = true, bibliography = bibliography or nil })
end

-- The entries of the bibliography by their keys, or nil where something is wrong.
local function check(found, doc, chapters, faults)
  local read, entries = pcall(pandoc.utils.references, doc)
  if not read then
    table.insert(faults, { source = (found.home or chapters[1]).info.source, kind = "bibliography" })
    return
  end
  local known = {}
  for _, reference in ipairs(entries) do known[reference.id] = reference end
  for key, source in pairs(found.cited) do
    if not known[key] and not references.is_label(key) then
      table.insert(faults, { source = source, kind = "citation", label = key })
    end
  end
  if not found.home then
    table.insert(faults, { source = chapters[#chapters].info.source, kind = "refs" })
  end
  return #faults == 0 and known or nil
end

-- How each citation is set, by its key, and the blocks of citeproc where it was asked.
local function asked(found, doc, before)
  local works = pandoc.List {}
  for key in pairs(found.cited) do works:insert(key) end
  works:sort()
  local same = before and table.concat(before.works, " ") == table.concat(works, " ")
  local set = same and before.set or {}
  local all_set = not found.refs
  for _, key in ipairs(found.keys) do all_set = all_set and set[key] end
  local blocks
  if not all_set then
    blocks = pandoc.utils.citeproc(doc).blocks
    for index, key in ipairs(found.keys) do set[key] = json(blocks[index].content) end
  end
  return { works = works, set = set }, blocks
end

local function put_back(found, citations, blocks, chapter, number)
  chapter.blocks = chapter.blocks:walk {
    Cite = function()
      number = number + 1
      return blocks and blocks[number].content or pandoc.read(citations.set[found.keys[number]], "json").blocks[1].content
    end,
    Div = function(div)
      if div.identifier == "refs" then return blocks[#found.keys + 2] end
    end,
  }
  return number
end

-- Set the citations of all chapters at once, and check that each has an entry. What known chapters cite
-- counts as cited, since how a work is cited depends on which others are. The citations go to citeproc alone,
-- and where the list of works stands: the rest, with its tables, would cost time and stay as it is.
--
-- Returns how each citation is set while the same works are cited. Where all that the chapters have now were set
-- so before, as `job.citations` says, citeproc is not asked.
function M.set(chapters, job, faults)
  local found = gather(chapters)
  if next(found.cited) == nil then return end
  local doc = document(found, job.bibliography)
  local known = check(found, doc, chapters, faults)
  if not known then return end
  local citations, blocks = asked(found, doc, job.citations)
  local number = 0
  for _, chapter in ipairs(chapters) do
    if chapter.blocks then number = put_back(found, citations, blocks, chapter, number) end
    chapter.references, chapter.entries = found.home.info.path, known
  end
  return citations
end

return M
