import assert from 'node:assert/strict'
import { it } from 'node:test'
import { drawPairs, drawTable } from '../../src/cli/table.ts'

it('columns are as wide as their widest cell, with two spaces between and none at the end', () => {
  const lines = drawTable(
    [{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'WHY', minWidth: 6 }],
    [
      ['lake', '9,812', '–'],
      ['a long name', '1', ''],
    ],
  )
  assert.deepEqual(lines, ['NAME             N  WHY', 'lake         9,812  –', 'a long name      1'])
})

it('paint does not count as width', () => {
  const paint = (text: string) => `\x1b[31m${text}\x1b[39m`
  assert.deepEqual(drawTable([{ title: 'A' }, { title: 'B' }], [[{ text: 'down', paint }, 'x']]), [
    'A     B',
    '\x1b[31mdown\x1b[39m  x',
  ])
})

it('pairs have their values below each other', () => {
  assert.deepEqual(
    drawPairs(
      [
        ['a', '1'],
        ['long', ''],
      ],
      '  ',
    ),
    ['  a     1', '  long'],
  )
})
