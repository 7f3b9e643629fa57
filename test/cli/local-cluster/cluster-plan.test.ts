import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { planFor } from '../../../src/cli/local-cluster/cluster-plan.ts'
import { suite } from '../../support/suite.ts'

const test = suite<{ root: string }>('the plan of a local cluster', { context: { root: '' } })

test.before.each((context) => {
  context.root = mkdtempSync(join(tmpdir(), 'holdfast-plan-'))
})
test.after.each(({ root }) => rmSync(root, { recursive: true }))

test('names three primaries with their replicas, and no port twice', async ({ root }) => {
  const plan = await planFor(root, { nodes: 3, replicas: 2 })
  assert.is(plan.redis.length, 9)
  assert.is(plan.nodes.length, 3)
  const ports = [
    ...plan.redis.flatMap(({ port, busPort }) => [port, busPort]),
    ...plan.typesense.flatMap(({ port, peeringPort }) => [port, peeringPort]),
    ...plan.nodes,
    plan.postgres,
  ]
  assert.is(new Set(ports).size, ports.length)
})

test('is the same the next time, whatever number of nodes is asked for', async ({ root }) => {
  const first = await planFor(root, { nodes: 2, replicas: undefined })
  const second = await planFor(root, { nodes: 3, replicas: undefined })
  assert.equal({ ...second, nodes: second.nodes.slice(0, 2) }, first)
  assert.is(second.replicas, 1)
})

test('keeps its keys from others', async ({ root }) => {
  const { adminKey, clusterSecret } = await planFor(root, { nodes: 1, replicas: 0 })
  assert.is(statSync(join(root, 'cluster.json')).mode & 0o077, 0)
  assert.is.not(adminKey, clusterSecret)
})

test('refuses another number of replicas, which its Redis does not have', async ({ root }) => {
  await planFor(root, { nodes: 3, replicas: 1 })
  const refusal = await planFor(root, { nodes: 3, replicas: 2 }).catch((error: Error) => error)
  assert.match(String(refusal), /1 replicas of each primary/)
})

test('refuses a file that says something else', async ({ root }) => {
  writeFileSync(join(root, 'cluster.json'), '{"replicas": 1}')
  const refusal = await planFor(root, { nodes: 3, replicas: 1 }).catch((error: Error) => error)
  assert.match(String(refusal), /does not describe a cluster/)
})

test.run()
