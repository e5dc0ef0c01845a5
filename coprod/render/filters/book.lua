-- Turns the chapters of a book into HTML or Typst.
--
--     pandoc lua book.lua JOB RESULT
--
-- JOB is a JSON file that coprod.render.document writes: the target, the bibliography and each
-- chapter's Markdown with the outputs of its cells. RESULT gets each chapter's text in the target
-- format, or the faults that were found. All chapters go through together, so that numbers,
-- references and the bibliography are those of one book, and the same in both formats.
--
-- Of a chapter that was written before, JOB holds in `known` what the others need of it: its face.
-- Then nothing is written of it, and RESULT has false in its place. JOB can also hold in `citations` how the
-- citations were set then; RESULT has them too.

local here = pandoc.path.directory(arg[0])
package.path = pandoc.path.join { here, "?.lua" } .. ";" .. package.path

local absent = require "absent"
local cells = require "cells"
local citations = require "citations"
local notebook = require "notebook"
local references = require "references"
local said_once = require "said_once"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function main(job_path, result_path)
  local job = pandoc.json.decode(read(job_path), false)
  local writer = require(job.target == "html" and "web" or "paper")
  local faults = {}

  local chapters, prose = {}, {}
  for _, chapter in ipairs(job.chapters) do
    if chapter.known then
      table.insert(chapters, { info = chapter, known = chapter.known })
    else
      local blocks = absent[1].Pandoc(pandoc.read(chapter.markdown, "markdown")).blocks
      if job.downloads then prose[#chapters + 1] = blocks:clone() end
      blocks = said_once.settle(cells.expand(blocks, chapter, job.target, faults))
      references.literals(chapter, faults)
      table.insert(chapters, { info = chapter, blocks = blocks })
    end
  end

  local labels = references.number(chapters, faults)
  references.resolve(chapters, labels, job, faults, writer)
  local cited = citations.set(chapters, job, faults)

  local result = { faults = pandoc.List(faults), citations = cited or false, chapters = pandoc.List {}, faces = pandoc.List {} }
  if #faults == 0 then
    for index, chapter in ipairs(chapters) do
      local text = prose[index] and notebook.text(chapter, prose[index], labels)
      result.chapters:insert(not chapter.known and writer.chapter(chapter, job))
      if text then result.chapters[index].notebook = text end
      result.faces:insert(references.face(chapter, labels))
    end
  end
  local file = assert(io.open(result_path, "wb"))
  -- A full disk is noticed by either.
  assert(file:write(pandoc.json.encode(result)))
  assert(file:close())
end

main(arg[1], arg[2])
