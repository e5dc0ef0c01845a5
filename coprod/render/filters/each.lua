-- Writes many short texts in one call of Pandoc: a call takes longer than the cell of a table.

local M = {}

local MARK = "coprod\u{b6}next"

-- What `write` makes of each of some lists of inlines; `raw` makes a block that is written as it is.
function M.written(all, write, raw)
  local blocks, written = pandoc.Blocks {}, {}
  for _, inlines in ipairs(all) do
    if #inlines > 0 then blocks:insert(pandoc.Plain(inlines)) end
    blocks:insert(raw(MARK))
  end
  for text in write(blocks):gmatch("(.-)" .. MARK) do
    table.insert(written, (text:gsub("^%s+", ""):gsub("%s+$", "")))
  end
  assert(#written == #all)
  return written
end

-- The contents of a table's cells, from the first row of its head to the last of its foot.
function M.cells(tbl)
  local contents = pandoc.List {}
  local function gather(rows)
    for _, row in ipairs(rows) do
      for _, cell in ipairs(row.cells) do contents:insert(pandoc.utils.blocks_to_inlines(cell.contents)) end
    end
  end
  gather(tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do
    gather(body.head)
    gather(body.body)
  end
  gather(tbl.foot.rows)
  return contents
end

return M
