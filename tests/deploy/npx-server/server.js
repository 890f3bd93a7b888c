#!/usr/bin/env node
// A server that needs what servers under Node need: code that is made as it runs, and what os knows.
const os = require('node:os')
const readline = require('node:readline')

const tool = { name: 'interfaces', description: 'The interfaces of this machine', inputSchema: { type: 'object' } }
const answers = {
  initialize: (params) => ({
    protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'npx-server', version: '1.0.0' }
  }),
  'tools/list': () => ({ tools: [tool] }),
  'tools/call': () => ({ content: [{ type: 'text', text: Object.keys(os.networkInterfaces()).join(' ') }] }),
  ping: () => ({})
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  const answer = answers[method]
  const outcome = answer ? { result: answer(params) } : { error: { code: -32601, message: 'no such method' } }
  console.log(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }))
})
