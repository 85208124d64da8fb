import { LogOut } from 'lucide';
import { get } from '../base/api';
import type { Me } from '../base/api-types';
import { IconButton } from '../base/Button';
import { href } from '../base/location';
import { useQuery } from '../base/query';
import css from './shell.module.css';

/** Who is signed in, and the way out; nothing on a server that asks nobody. */
export function Account() {
  const me = useQuery<Me>({ key: ['me'], fetch: (signal) => get('me', signal) });
  if (!me.data?.name) return null;
  const name = me.data.name;
  return (
    <form class={css.account} method="post" action={href('signout')}>
      <span class="cut" title={me.data.is_admin ? `${name} (admin)` : name}>
        {name}
      </span>
      <IconButton label="Sign out" icon={LogOut} type="submit" />
    </form>
  );
}
