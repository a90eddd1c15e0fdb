<?php
/**
 * A network of sites.
 *
 * @package Artly_Reminder_Bridge
 */

/**
 * Each site of a network has its own members, points and settings.
 */
final class Artly_Network_Test extends Artly_Test_Case {

	public function test_each_site_sends_its_own_members_only_and_uninstalling_cleans_every_site(): void {
		$tables = array( 'ARTLY_TEST_PREFIX' => 'artlynet_' );
		artly_test_run( 'support/install.php', array( 'network' ), $tables );
		try {
			$found = json_decode( artly_test_run( 'support/network-check.php', array(), $tables + array( 'ARTLY_TEST_NETWORK' => '1' ) ), true );
		} finally {
			artly_test_run( 'support/install.php', array( 'remove' ), $tables );
		}
		$this->assertSame(
			array(
				'first'           => array( 2 ),
				'second'          => array( 2, 3 ),
				'second_points'   => array( 2, 3 ),
				'second_url'      => '',
				'first_has_table' => false,
				'first_url'       => 'https://first.example',
				'left'            => array( false, false ),
			),
			$found
		);
	}
}
