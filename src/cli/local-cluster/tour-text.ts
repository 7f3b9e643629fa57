import type { LocalCluster } from './local-cluster.ts'

/** What a person at the terminal needs next: what to call, and what to kill. */
export async function tourText(
  cluster: LocalCluster,
  { adminKey, root }: { readonly adminKey: string; readonly root: string },
): Promise<string> {
  const roles = await cluster.redis.roles()
  const roleOf = new Map(roles.map(({ program, role, port }) => [program.name, `${role}, port ${port}`]))
  for (const { name, port } of cluster.nodes.targets) roleOf.set(name, `http://127.0.0.1:${port}`)
  const lines = cluster.programs.map(({ name, pid }) =>
    `  ${name.padEnd(12)} pid ${String(pid ?? '-').padEnd(8)} ${roleOf.get(name) ?? ''}`.trimEnd(),
  )
  const [node, primary] = [cluster.nodes.programs[0], roles.find(({ role }) => role === 'primary')?.program]
  return `
  ${cluster.url} shares requests out among ${cluster.ready.length} nodes. Ctrl-C ends everything.

${lines.join('\n')}
  Their logs are in ${root}/logs.

  URL=${cluster.url}
  KEY=${adminKey}
  curl -s $URL/v1/products/phone/stock/adjustments -H "authorization: Bearer $KEY" \\
    -H 'content-type: application/json' -d '{"set": 5, "reason": "first delivery"}'
  curl -s $URL/v1/products/phone/stock -H "authorization: Bearer $KEY"

  kill -9 ${node?.pid}   # ${node?.name}: its shards sell again at the others, and it is started again in a while
  kill -9 ${primary?.pid}   # ${primary?.name}, a Redis primary: its replica takes over, and it comes back as one
`
}
