import { useState } from 'preact/hooks';
import { ErrorBoundary, LocationProvider, lazy, Route, Router } from 'preact-iso';
import { BASE } from './base/location';
import { Problem } from './base/Panels';
import { Toasts } from './base/Toasts';
import { Experiments } from './experiments/Experiments';
import { NotFound } from './shell/NotFound';
import { Shell } from './shell/Shell';

const RunsPage = lazy(() => import('./runs/RunsPage').then((module) => module.RunsPage));
const RunPage = lazy(() => import('./run/RunPage').then((module) => module.RunPage));
const ComparePage = lazy(() => import('./compare/ComparePage').then((module) => module.ComparePage));
const ModelsPage = lazy(() => import('./models/ModelsPage').then((module) => module.ModelsPage));
const ModelPage = lazy(() => import('./models/ModelPage').then((module) => module.ModelPage));
const VersionPage = lazy(() => import('./models/VersionPage').then((module) => module.VersionPage));

/** What lies outside BASE (the API) is no page: clicks on it go to the browser. */
const pages = new RegExp(`^(\\?|${BASE}(?!api/|assets/))`);

export function App() {
  const [broken, setBroken] = useState<Error | null>(null);
  return (
    <LocationProvider scope={pages}>
      <Shell>
        {broken && (
          <div style={{ padding: '24px' }}>
            <Problem error={broken} retry={() => location.reload()} />
          </div>
        )}
        <ErrorBoundary onError={setBroken}>
          <Router onRouteChange={() => setBroken(null)}>
            <Route path={BASE} component={Experiments} />
            <Route path={`${BASE}experiments`} component={Experiments} />
            <Route path={`${BASE}experiments/:id`} component={RunsPage} />
            <Route path={`${BASE}runs/:id`} component={RunPage} />
            <Route path={`${BASE}compare`} component={ComparePage} />
            <Route path={`${BASE}models`} component={ModelsPage} />
            <Route path={`${BASE}models/:name`} component={ModelPage} />
            <Route path={`${BASE}models/:name/versions/:version`} component={VersionPage} />
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </Shell>
      <Toasts />
    </LocationProvider>
  );
}
