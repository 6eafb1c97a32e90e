import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Redactor } from '../../src/settings/redact.ts'

describe('redacting', () => {
  it('masks a secret wherever it stands, however it is spelled', () => {
    const { text } = { text: (s: string) => new Redactor(['p"ss w/rd']).text(s) }
    assert.equal(text('login p"ss w/rd failed'), 'login ••• failed')
    assert.equal(text('{"password":"p\\"ss w/rd"}'), '{"password":"•••"}')
    assert.equal(text('http://u:p%22ss%20w%2Frd@x'), 'http://u:•••@x')
    assert.equal(text(`Basic ${Buffer.from('p"ss w/rd').toString('base64')}`), 'Basic •••')
  })

  it('masks the longer of two secrets that begin alike, whole', () => {
    assert.equal(new Redactor(['abcd', 'abcdef']).text('abcdef abcd'), '••• •••')
  })

  it('masks a short secret only where it is the whole value', () => {
    const redactor = new Redactor(['1', 'yes'])
    assert.equal(redactor.text('yes'), '•••')
    assert.equal(redactor.text('port 1883'), 'port 1883')
  })

  it('takes characters of regular expressions as they are', () => {
    assert.equal(new Redactor(['a.*[b]$']).text('axxb a.*[b]$'), 'axxb •••')
  })

  it('goes through values and leaves the given one as it was', () => {
    const given = { a: ['secret-x', 1, null], 'secret-x': { b: 'secret-x!' } }
    assert.deepEqual(new Redactor(['secret-x']).value(given), { a: ['•••', 1, null], '•••': { b: '•••!' } })
    assert.equal(given.a[0], 'secret-x')
  })

  it('leaves everything alone when there are no secrets', () => {
    assert.equal(new Redactor([]).text('x'), 'x')
  })
})
