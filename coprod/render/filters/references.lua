-- Numbers, labels, cross-references and links of the whole book.

local M = {}

local WORDS = {
  fig = "Figure", tbl = "Table", sec = "Section", eq = "Equation",
  nte = "Note", tip = "Tip", wrn = "Warning", cau = "Caution", imp = "Important",
}
local PREFIX_OF_CALLOUT = { note = "nte", tip = "tip", warning = "wrn", caution = "cau", important = "imp" }

local function prefix_of(id)
  local prefix = id:match "^(%a+)%-"
  return prefix and WORDS[prefix] and prefix
end

-- Whether an id is one that a cross-reference can name.
function M.is_label(id)
  return prefix_of(id) ~= nil
end

local function letter(number)
  return string.char(string.byte "A" + number - 1)
end

-- "chapters/one.qmd" and "../x.qmd" -> "x.qmd"
local function join(folder, path)
  local parts = {}
  for part in (folder .. "/" .. path):gmatch "[^/]+" do
    if part == ".." and #parts > 0 then table.remove(parts) elseif part ~= "." then table.insert(parts, part) end
  end
  return table.concat(parts, "/")
end

local function folder_of(path)
  return path:match "^(.*)/[^/]*$" or ""
end

-- The way from one page to another.
function M.relative(from, to)
  local up = select(2, from:gsub("/", "/"))
  local mine, theirs = folder_of(from), folder_of(to)
  if mine == theirs then return to:sub(#theirs == 0 and 1 or #theirs + 2) end
  return ("../"):rep(up) .. to
end

-- Inlines as text that can be kept, and back.
local function packed(inlines)
  return pandoc.write(pandoc.Pandoc { pandoc.Plain(inlines) }, "json")
end

local function unpacked(text)
  return text and pandoc.utils.blocks_to_inlines(pandoc.read(text, "json").blocks)
end

-- What other chapters need of this one, so that they can be written without it.
function M.face(chapter, labels)
  local face = { id = chapter.id, number = chapter.number }
  face.ids, face.labels, face.cited = pandoc.List {}, pandoc.List {}, pandoc.List {}
  for id in pairs(chapter.ids) do face.ids:insert(id) end
  for id, label in pairs(labels) do
    if label.source == chapter.info.source then
      face.labels:insert {
        id = id, prefix = label.prefix, number = label.number, chapter = label.chapter,
        appendix = label.appendix, title = label.number == "" and packed(label.title) or nil,
      }
    end
  end
  for id in pairs(chapter.cited) do face.cited:insert(id) end
  face.ids:sort()
  face.labels:sort(function(one, other) return one.id < other.id end)
  face.cited:sort()
  return face
end

-- Give every heading, figure, table, equation and callout its number; gather the labels and all ids.
function M.number(chapters, faults)
  local labels, counts = {}, { chapter = 0, appendix = 0 }
  local pending = pandoc.List {}

  -- A chapter's own number, which it has unless it asks for none.
  local function next_number(info)
    local kind = info.appendix and "appendix" or "chapter"
    counts[kind] = counts[kind] + 1
    return info.appendix and letter(counts[kind]) or tostring(counts[kind])
  end

  local function recall(chapter)
    local known, info = chapter.known, chapter.info
    chapter.ids, chapter.cited, chapter.id = {}, {}, known.id
    chapter.number = known.number == "" and "" or next_number(info)
    for _, id in ipairs(known.ids) do chapter.ids[id] = true end
    for _, id in ipairs(known.cited) do chapter.cited[id] = true end
    for _, label in ipairs(known.labels) do
      if labels[label.id] then
        table.insert(faults, { source = info.source, kind = "duplicate", label = label.id, other = labels[label.id].source })
      end
      label.source, label.path, label.title = info.source, info.path, unpacked(label.title)
      labels[label.id] = label
    end
  end

  local function give_numbers(chapter)
    local info = chapter.info
    chapter.ids, chapter.headings, chapter.number = {}, pandoc.List {}, ""
    local counters, sections = {}, {}
    local level = 1

    local function count(kind)
      counters[kind] = (counters[kind] or 0) + 1
      return chapter.number == "" and tostring(counters[kind]) or (chapter.number .. "." .. counters[kind])
    end

    local function define(id, prefix, number, more)
      if id == "" then return end
      if labels[id] then
        table.insert(faults, { source = info.source, kind = "duplicate", label = id, other = labels[id].source })
        return
      end
      labels[id] = { source = info.source, path = info.path, id = id, prefix = prefix, number = number }
      for key, value in pairs(more or {}) do labels[id][key] = value end
    end

    local function heading(header)
      if chapter.ids[header.identifier] then
        table.insert(faults, { source = info.source, kind = "duplicate", label = header.identifier, other = info.source })
      end
      chapter.ids[header.identifier] = true
      if #header.content == 0 then table.insert(faults, { source = info.source, kind = "untitled" }) end
      if header.level > level + 1 then
        table.insert(faults, { source = info.source, kind = "level", label = pandoc.utils.stringify(header) })
      end
      level = header.level
      if header.level == 1 then
        if chapter.title then
          table.insert(faults, { source = info.source, kind = "title", label = pandoc.utils.stringify(header) })
        end
        if not header.classes:includes "unnumbered" then
          chapter.number = next_number(info)
        end
        chapter.title, chapter.id = header.content, header.identifier
        if prefix_of(header.identifier) then
          define(header.identifier, "sec", chapter.number, { chapter = true, appendix = info.appendix, title = header.content })
        end
        return
      end
      local number = ""
      if chapter.number ~= "" and not header.classes:includes "unnumbered" then
        for level = header.level + 1, 6 do sections[level] = nil end
        sections[header.level] = (sections[header.level] or 0) + 1
        number = chapter.number
        for level = 2, header.level do number = number .. "." .. (sections[level] or 0) end
      end
      header.attributes.number = number
      if prefix_of(header.identifier) then define(header.identifier, "sec", number, { title = header.content }) end
      chapter.headings:insert { level = header.level, number = number, content = header.content, id = header.identifier }
      return header
    end

    local function float(div)
      local kind = div.attributes.kind
      if kind == "none" then return end
      if kind == "sub" then
        local parent, index = div.identifier:match "^(.*)%-(%d+)$"
        local mark = "(" .. string.char(string.byte "a" + tonumber(index) - 1) .. ")"
        div.attributes.number = mark
        pending:insert(function() define(div.identifier, "fig", labels[parent].number .. "\u{a0}" .. mark) end)
        return div
      end
      if prefix_of(div.identifier) ~= kind then
        table.insert(faults, { source = info.source, kind = "prefix", label = div.identifier, expected = kind })
      end
      div.attributes.number = count(kind)
      define(div.identifier, kind, div.attributes.number)
      return div
    end

    chapter.blocks = chapter.blocks:walk {
      traverse = "topdown",
      Header = heading,
      Div = function(div)
        if div.identifier ~= "" then chapter.ids[div.identifier] = true end
        if div.classes:includes "coprod-float" then return float(div) end
        if div.classes:includes "coprod-equation" then
          if div.identifier ~= "" then
            div.attributes.number = count "eq"
            define(div.identifier, "eq", div.attributes.number)
          end
          return div
        end
        if div.classes:includes "coprod-callout" then
          local prefix = PREFIX_OF_CALLOUT[div.attributes.kind]
          if prefix_of(div.identifier) == prefix then
            div.attributes.number = count(prefix)
            define(div.identifier, prefix, div.attributes.number)
          end
          return div
        end
      end,
      Span = function(span)
        if span.identifier ~= "" then chapter.ids[span.identifier] = true end
      end,
    }
    if not chapter.title then table.insert(faults, { source = info.source, kind = "untitled" }) end
    for _, make in ipairs(pending) do make() end
    pending = pandoc.List {}
    -- The title is set by the page and by the paper; the front page keeps its own below the book's.
    chapter.blocks = chapter.blocks:filter(function(block) return not (block.t == "Header" and block.level == 1) end)
  end

  for _, chapter in ipairs(chapters) do
    if chapter.known then recall(chapter) else give_numbers(chapter) end
  end
  return labels
end

-- What a reference to a label says.
function M.words_for(label)
  if label.number == "" then return label.title end
  local word = WORDS[label.prefix]
  if label.chapter then word = label.appendix and "Appendix" or "Chapter" end
  return pandoc.Inlines { word .. "\u{a0}" .. label.number }
end

-- Turn references and links between chapters into links of the target.
function M.resolve(chapters, labels, job, faults, writer)
  local by_source = {}
  for _, chapter in ipairs(chapters) do by_source[chapter.info.source] = chapter end

  local function resolve(chapter)
    local info = chapter.info
    local function fault(kind, label) table.insert(faults, { source = info.source, kind = kind, label = label }) end

    local function cite(node)
      local first = node.citations[1]
      local found = 0
      for _, citation in ipairs(node.citations) do
        if prefix_of(citation.id) then found = found + 1 end
      end
      if found == 0 then return end
      if #node.citations > 1 or first.mode ~= "AuthorInText" or #first.suffix > 0 then
        return fault("reference", first.id)
      end
      local label = labels[first.id]
      if not label then return fault("unresolved", first.id) end
      return writer.reference(M.words_for(label), label, info)
    end

    -- What Pandoc would drop, or show in one format only.
    local function raw(node)
      local comment = node.format == "html" and node.text:match "^%s*<!%-%-"
      if not comment and (node.format ~= "html" or job.target ~= "html") then fault("raw", node.text) end
    end

    local function math(node)
      local options = pandoc.WriterOptions { html_math_method = "mathml" }
      local written = pandoc.write(pandoc.Pandoc { pandoc.Plain { node } }, "html", options)
      if not written:match "^<math" then fault("math", node.text) end
    end

    local function span(node)
      if node.classes:includes "content-visible" or node.classes:includes "content-hidden" then
        fault("span", node.classes[1])
      end
    end

    local function link(node)
      local target = node.target
      if target:match "^%a[%w+.-]*:" or target:match "^//" then return end
      local path, fragment = target:match "^([^#]*)#?(.*)$"
      if path == "" then
        if not chapter.ids[fragment] then fault("anchor", target) end
        return writer.internal(node, chapter, fragment, info)
      end
      local source = join(folder_of(info.source), path)
      if not path:match "%.qmd$" then
        table.insert(chapter.files, { path = source, written = path })
        return writer.file(node)
      end
      local other = by_source[source]
      if not other then return fault("chapter", path) end
      if fragment ~= "" and not other.ids[fragment] then return fault("anchor", target) end
      return writer.internal(node, other, fragment, info)
    end

    chapter.files = pandoc.List {}
    chapter.blocks = chapter.blocks:walk {
      RawInline = raw,
      RawBlock = raw,
      Math = math,
      Span = span,
      Cite = cite,
      Link = link,
      Image = function(image)
        if image.src:match "^%a[%w+.-]*:" then return end
        chapter.files:insert { path = join(folder_of(info.source), image.src), written = image.src }
      end,
    }
  end

  for _, chapter in ipairs(chapters) do
    if not chapter.known then resolve(chapter) end
  end
end

-- What the author wrote that would be printed as typed. What cells and inline code give is not looked at:
-- a name that holds such signs is to be printed as typed.
function M.literals(info, faults)
  local function literal(node)
    if node.text:match "^:::" or node.text:match "{{<" or node.text:match "%[%^[%w-]+%]" then
      table.insert(faults, { source = info.source, kind = "literal", label = node.text })
    end
  end
  local blocks = pandoc.read(info.written, "markdown").blocks
  local text = pandoc.utils.stringify(blocks)
  if text:find(":::", 1, true) or text:find("{{<", 1, true) or text:find("[^", 1, true) then
    blocks:walk { Str = literal }
  end
end

return M
