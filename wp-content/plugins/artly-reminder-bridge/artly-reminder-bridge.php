<?php
/**
 * Plugin Name:       Artly Reminder Bridge
 * Description:       Sends every member's points balance to your Artly Sync server, as a job you can watch and cancel.
 * Version:           0.1.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * Author:            Artly
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       artly-reminder-bridge
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

define( 'ARTLY_REMINDER_BRIDGE_VERSION', '0.1.0' );
define( 'ARTLY_REMINDER_BRIDGE_FILE', __FILE__ );

require_once __DIR__ . '/includes/class-artly-bridge-failure.php';
require_once __DIR__ . '/includes/class-artly-bridge-read-exception.php';
require_once __DIR__ . '/includes/class-artly-bridge-settings.php';
require_once __DIR__ . '/includes/sources/interface-artly-bridge-source.php';
require_once __DIR__ . '/includes/sources/class-artly-bridge-sql-source.php';
require_once __DIR__ . '/includes/sources/class-artly-bridge-source-wc-points.php';
require_once __DIR__ . '/includes/sources/class-artly-bridge-source-user-meta.php';
require_once __DIR__ . '/includes/class-artly-bridge-sources.php';
require_once __DIR__ . '/includes/class-artly-bridge-collector.php';
require_once __DIR__ . '/includes/class-artly-bridge-balance-body.php';
require_once __DIR__ . '/includes/class-artly-bridge-client.php';
require_once __DIR__ . '/includes/class-artly-bridge-job-view.php';
require_once __DIR__ . '/includes/class-artly-bridge-current-job.php';
require_once __DIR__ . '/includes/class-artly-bridge-start-lock.php';
require_once __DIR__ . '/includes/class-artly-bridge-sync.php';
require_once __DIR__ . '/includes/class-artly-bridge-ajax.php';
require_once __DIR__ . '/includes/class-artly-bridge-assets.php';
require_once __DIR__ . '/includes/class-artly-bridge-admin-page.php';
require_once __DIR__ . '/includes/class-artly-bridge-settings-page.php';

/**
 * The client for the saved server.
 */
function artly_reminder_bridge_client(): Artly_Bridge_Client {
	return new Artly_Bridge_Client( Artly_Bridge_Settings::url(), Artly_Bridge_Settings::secret() );
}

/**
 * Starts a sync of these balances on the server.
 *
 * @param iterable $balances Each `{ wp_user_id, email, points_balance, points_type? }`; read once, one at a time.
 * @return array<string,mixed>|WP_Error The server's answer: `{ success, jobId, message }`.
 */
function artly_reminder_bridge_start_balance_sync( iterable $balances ) {
	return artly_reminder_bridge_client()->start( $balances );
}

/**
 * Asks the server how a sync stands.
 *
 * @param string $job_id  Id of the job.
 * @param int    $timeout Seconds to wait.
 * @return array<string,mixed>|WP_Error The server's answer: `{ success, job }`.
 */
function artly_reminder_bridge_get_sync_status( string $job_id, int $timeout = Artly_Bridge_Client::TIMEOUT ) {
	return artly_reminder_bridge_client()->status( $job_id, $timeout );
}

/**
 * AJAX: collects the balances, starts the job, and answers with it, above all `jobId` and `total`.
 */
function artly_start_sync_points(): void {
	Artly_Bridge_Ajax::answer(
		Artly_Bridge_Ajax::may_sync(),
		static function () {
			return ( new Artly_Bridge_Sync() )->start();
		}
	);
}

/**
 * AJAX: answers with the job in the page's format.
 */
function artly_get_sync_job_status(): void {
	Artly_Bridge_Ajax::answer(
		Artly_Bridge_Ajax::may_sync(),
		static function () {
			return ( new Artly_Bridge_Sync() )->status( Artly_Bridge_Ajax::job_id() );
		}
	);
}

/**
 * AJAX: cancels the job, and answers with it.
 */
function artly_cancel_sync(): void {
	Artly_Bridge_Ajax::answer(
		Artly_Bridge_Ajax::may_sync(),
		static function () {
			return ( new Artly_Bridge_Sync() )->cancel( Artly_Bridge_Ajax::job_id() );
		}
	);
}

/**
 * AJAX: answers with an address at which the page can watch the job live, or with why there is none.
 */
function artly_get_sync_ticket(): void {
	Artly_Bridge_Ajax::answer(
		Artly_Bridge_Ajax::may_sync(),
		static function () {
			return ( new Artly_Bridge_Sync() )->live( Artly_Bridge_Ajax::job_id() );
		}
	);
}

/**
 * AJAX: tries the connection that is typed in the settings.
 */
function artly_test_connection(): void {
	Artly_Bridge_Ajax::answer( Artly_Bridge_Ajax::may_configure(), array( 'Artly_Bridge_Ajax', 'test_connection' ) );
}

add_action( 'admin_menu', array( 'Artly_Bridge_Admin_Page', 'add_to_menu' ) );
add_action( 'admin_menu', array( 'Artly_Bridge_Settings_Page', 'add_to_menu' ) );
add_action( 'admin_init', array( 'Artly_Bridge_Settings', 'register' ) );
add_action( 'admin_enqueue_scripts', array( 'Artly_Bridge_Assets', 'enqueue' ) );
add_filter( 'plugin_action_links_' . plugin_basename( __FILE__ ), array( 'Artly_Bridge_Settings_Page', 'add_plugin_link' ) );
add_action( 'wp_ajax_' . Artly_Bridge_Ajax::ACTION_START, 'artly_start_sync_points' );
add_action( 'wp_ajax_' . Artly_Bridge_Ajax::ACTION_STATUS, 'artly_get_sync_job_status' );
add_action( 'wp_ajax_' . Artly_Bridge_Ajax::ACTION_CANCEL, 'artly_cancel_sync' );
add_action( 'wp_ajax_' . Artly_Bridge_Ajax::ACTION_TICKET, 'artly_get_sync_ticket' );
add_action( 'wp_ajax_' . Artly_Bridge_Ajax::ACTION_TEST, 'artly_test_connection' );
